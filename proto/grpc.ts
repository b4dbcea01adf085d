// Makes grpc-js service definitions of the generated descriptors, so that one code generator is enough.

import { fromBinary, toBinary, type DescMessage, type DescService, type MessageShape } from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

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
      requestSerialize: serializer(method.input),
      requestDeserialize: deserializer(method.input),
      responseSerialize: serializer(method.output),
      responseDeserialize: deserializer(method.output),
      originalName: method.localName,
    },
  ]);
  return Object.fromEntries(methods);
}

// The bytes belong to the message alone, so a view on them is enough: grpc-js copies them into its frame.
const serializer =
  (schema: DescMessage) =>
  (message: AnyMessage): Buffer => {
    const bytes = toBinary(schema, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };

const deserializer =
  (schema: DescMessage) =>
  (bytes: Buffer): AnyMessage =>
    fromBinary(schema, bytes);
