// @onced/client/connect: an idempotency key in the headers of unary calls, for servers of Connect (and so for gRPC, gRPC-Web
// and Connect's own protocol). See grpc.ts for what it does.

import {
  create,
  fromBinary,
  toBinary,
  toJsonString,
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { AnySchema, type Any } from '@bufbuild/protobuf/wkt';
import { ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import type { OncedClient } from './client.ts';
import { setAttempt } from './http/attempt-of.ts';
import { callOnce, isKeyed, type RpcOutcome } from './rpc/call-once.ts';
import { rpcSettingsOf, type RpcOptions, type RpcSettings } from './rpc/options.ts';
import { detailsOf, withDetails, type RpcStatus } from './rpc/rpc-status.ts';
import type { WorkContext } from './work/perform.ts';

export { attemptOf } from './http/attempt-of.ts';
export { defaultVerdict, singleTenant, type Need, type RpcOptions, type Verdict } from './rpc/options.ts';

const TYPE_URL = 'type.googleapis.com/';

type AnyImplementation = Record<string, ((request: unknown, context: HandlerContext) => unknown) | undefined>;

/**
 * `router.service(Shop, idempotent(client, options, Shop, implementation))`: an interceptor of Connect cannot answer without
 * the method, since it would have to know the headers of each protocol, so the methods themselves are wrapped. Streaming
 * methods stay as they are. Bytes stay the same because protobuf-es writes what it has read: unknown fields and the order of
 * maps too.
 */
export function idempotent<Service extends DescService, Implementation extends Partial<ServiceImpl<Service>>>(
  client: OncedClient,
  options: RpcOptions<HandlerContext>,
  service: Service,
  implementation: Implementation,
): Implementation {
  const settings = rpcSettingsOf(options);
  const methods = implementation as AnyImplementation;
  const wrapped = service.methods.flatMap((method) => {
    const handler = methods[method.localName]?.bind(implementation);
    const isUnary = method.methodKind === 'unary' && handler !== undefined;
    return isUnary ? [[method.localName, keyed(client, { method, handler }, settings)]] : [];
  });
  return { ...implementation, ...(Object.fromEntries(wrapped) as object) };
}

interface Wrapped {
  readonly method: DescMethod;
  readonly handler: (request: unknown, context: HandlerContext) => unknown;
}

function keyed(
  client: OncedClient,
  { method, handler }: Wrapped,
  settings: RpcSettings<HandlerContext>,
): Wrapped['handler'] {
  const path = `/${method.parent.typeName}/${method.name}`;
  return async (request, context) => {
    const value = context.requestHeader.get(settings.keyHeader);
    const keys = value === null ? [] : [value];
    if (!isKeyed({ method: path, keys }, settings)) return handler(request, context);
    const requestJson = (): string => toJsonString(method.input, request as MessageShape<DescMessage>);
    const asked = { call: context, keys, method: path, requestJson, signal: context.signal };
    let failed: unknown;
    const perform = async (attempt: WorkContext): Promise<RpcOutcome> => {
      // The end of the caller's connection aborts nothing: the method gets the attempt's own signal.
      const detached = { ...context, signal: attempt.signal };
      setAttempt(detached, attempt);
      try {
        const response = (await handler(request, detached)) as MessageInitShape<DescMessage>;
        return { kind: 'response', bytes: toBinary(method.output, create(method.output, response)) };
      } catch (error) {
        failed = error;
        return { kind: 'status', status: statusOf(ConnectError.from(error)) };
      }
    };
    const answer = await callOnce(client, asked, perform, settings);
    if (answer.source === 'own' && answer.kind === 'status') throw failed;
    if (answer.source === 'replay') context.responseHeader.set('idempotency-replayed', 'true');
    if (answer.kind === 'status') throw errorOf(answer.status);
    return fromBinary(method.output, answer.bytes);
  };
}

function statusOf({ code, rawMessage, details }: ConnectError): RpcStatus {
  return withDetails(code, rawMessage, details.map(anyOf));
}

function anyOf(detail: ConnectError['details'][number]): Any {
  if (!('desc' in detail)) return create(AnySchema, { typeUrl: TYPE_URL + detail.type, value: detail.value });
  const value = toBinary(detail.desc, create(detail.desc, detail.value));
  return create(AnySchema, { typeUrl: TYPE_URL + detail.desc.typeName, value });
}

function errorOf(status: RpcStatus): ConnectError {
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the numbers of both are gRPC's
  const error = new ConnectError(status.message, status.code);
  error.details = detailsOf(status).map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
    value: new Uint8Array(value),
  }));
  return error;
}
