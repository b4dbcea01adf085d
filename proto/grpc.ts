// Makes grpc-js service definitions of the generated descriptors, so that one code generator is enough.

import type { DescMessage, DescService, MessageShape } from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { readerOf, writerOf } from './codec.ts';

/** Any message of the wire; narrowed by the handler's own types. */
type AnyMessage = MessageShape<DescMessage>;
type AnyMethod = MethodDefinition<AnyMessage, AnyMessage>;

/** The service as grpc-js wants it: path, streaming, and functions between messages and bytes. */
export function grpcDefinition(service: DescService): ServiceDefinition {
  const methods = service.methods.map((method): readonly [string, AnyMethod] => [
    method.localName,
    {
      path: `/${service.typeName}/${method.name}`,
      requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
      responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
      requestSerialize: writerOf(method.input),
      requestDeserialize: readerOf(method.input),
      responseSerialize: writerOf(method.output),
      responseDeserialize: readerOf(method.output),
      originalName: method.localName,
    },
  ]);
  return Object.fromEntries(methods);
}
