// @onced/client/grpc: an idempotency key in the metadata of unary calls, for servers of @grpc/grpc-js.
//
// A call with an "idempotency-key" runs its method once; repeats get the stored response, or the stored status with its
// details, byte for byte, and "idempotency-replayed: true" in the header. A caller who leaves cancels nothing.

import {
  Metadata,
  status as Code,
  type handleUnaryCall,
  type MethodDefinition,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
  type StatusObject,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { OncedClient } from './client.ts';
import { setAttempt } from './http/attempt-of.ts';
import { callOnce, isKeyed, type RpcOutcome } from './rpc/call-once.ts';
import { rpcSettingsOf, type RpcOptions, type RpcSettings } from './rpc/options.ts';
import type { RpcStatus } from './rpc/rpc-status.ts';
import type { WorkContext } from './work/perform.ts';

export { attemptOf } from './http/attempt-of.ts';
export { defaultVerdict, singleTenant, type Need, type RpcOptions, type Verdict } from './rpc/options.ts';

type AnyCall = ServerUnaryCall<unknown, unknown>;
type AnyMethod = MethodDefinition<unknown, unknown>;

export interface GrpcOptions extends RpcOptions<AnyCall> {
  /**
   * JSON text of a request, of which its fingerprint is made: protobuf's own JSON, such as toJsonString of protobuf-es,
   * where services in other languages share the keys. Default: JSON.stringify, with bytes as base64 and big integers as text.
   */
  readonly requestJson?: (request: unknown, method: string) => string;
}

const DETAILS = 'grpc-status-details-bin';

/**
 * `server.addService(...idempotent(client, options, definition, implementation))`: an interceptor of grpc-js sees neither the
 * bytes of a response nor how to make them, so the methods themselves are wrapped. Streaming methods stay as they are.
 */
export function idempotent(
  client: OncedClient,
  { requestJson = plainJson, ...options }: GrpcOptions,
  definition: ServiceDefinition,
  implementation: UntypedServiceImplementation,
): [ServiceDefinition, UntypedServiceImplementation] {
  const settings = rpcSettingsOf(options);
  const wrapped: [string, AnyMethod][] = [];
  const handlers: UntypedServiceImplementation = { ...implementation };
  for (const [name, method] of Object.entries(definition) as [string, AnyMethod][]) {
    const handler = implementation[name] ?? implementation[method.originalName ?? name];
    const isUnary = !method.requestStream && !method.responseStream && handler !== undefined;
    wrapped.push([name, isUnary ? withStoredBytes(method) : method]);
    if (!isUnary) continue;
    const bound = (handler as handleUnaryCall<unknown, unknown>).bind(implementation);
    handlers[name] = keyed(client, { method, handler: bound, requestJson }, settings);
  }
  return [Object.fromEntries(wrapped), handlers];
}

/** A response that is sent as the bytes that it was. */
class StoredBytes {
  readonly bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes);
  }
}

const withStoredBytes = (method: AnyMethod): AnyMethod => ({
  ...method,
  responseSerialize: (value) => (value instanceof StoredBytes ? value.bytes : method.responseSerialize(value)),
});

interface Wrapped {
  readonly method: AnyMethod;
  readonly handler: handleUnaryCall<unknown, unknown>;
  readonly requestJson: (request: unknown, method: string) => string;
}

function keyed(
  client: OncedClient,
  wrapped: Wrapped,
  settings: RpcSettings<AnyCall>,
): handleUnaryCall<unknown, unknown> {
  const { method, handler, requestJson } = wrapped;
  return (call, callback) => {
    const keys = call.metadata.get(settings.keyHeader).map(String);
    if (!isKeyed({ method: method.path, keys }, settings)) return handler(call, callback);
    const leaving = new AbortController();
    call.on('cancelled', () => leaving.abort(new Error('the caller left')));
    const asked = {
      call,
      keys,
      method: method.path,
      requestJson: () => requestJson(call.request, method.path),
      signal: leaving.signal,
    };
    let own: Parameters<sendUnaryData<unknown>> = [null];
    const perform = async (context: WorkContext): Promise<RpcOutcome> => {
      setAttempt(call, context);
      own = await called(handler, call);
      const [error, value] = own;
      if (error !== null) return { kind: 'status', status: statusOf(error) };
      return { kind: 'response', bytes: method.responseSerialize(value) };
    };
    const answerCall = async (): Promise<void> => {
      const answer = await callOnce(client, asked, perform, settings);
      if (answer.source === 'replay') sendReplayed(call);
      // Its own trailers too.
      if (answer.source === 'own' && answer.kind === 'status') return callback(...own);
      if (answer.kind === 'status') return callback(errorOf(answer.status));
      const [, , trailer, flags] = answer.source === 'own' ? own : [];
      callback(null, new StoredBytes(answer.bytes), trailer, flags);
    };
    void answerCall();
  };
}

async function called(
  handler: handleUnaryCall<unknown, unknown>,
  call: AnyCall,
): Promise<Parameters<sendUnaryData<unknown>>> {
  const { promise, resolve } = Promise.withResolvers<Parameters<sendUnaryData<unknown>>>();
  try {
    // An async method that rejects has no other way to say so.
    const returned: unknown = handler(call, (...ended) => resolve(ended));
    void Promise.resolve(returned).catch((thrown: unknown) => resolve([asError(thrown)]));
  } catch (thrown) {
    resolve([asError(thrown)]);
  }
  return promise;
}

const asError = (thrown: unknown): Partial<StatusObject> => ({
  code: Code.UNKNOWN,
  details: thrown instanceof Error ? thrown.message : String(thrown),
});

function statusOf(error: Partial<StatusObject> & { readonly message?: string }): RpcStatus {
  const details = error.metadata?.get(DETAILS)[0];
  return {
    code: error.code ?? 2,
    message: error.details ?? error.message ?? '',
    details: details instanceof Uint8Array ? details : undefined,
  };
}

function errorOf({ code, message, details }: RpcStatus): Partial<StatusObject> {
  const metadata = new Metadata();
  if (details !== undefined) metadata.set(DETAILS, Buffer.from(details));
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the numbers of both are gRPC's
  return { code, details: message, metadata };
}

function sendReplayed(call: AnyCall): void {
  const metadata = new Metadata();
  metadata.set('idempotency-replayed', 'true');
  call.sendMetadata(metadata);
}

function plainJson(request: unknown): string {
  return JSON.stringify(request, (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
  });
}
