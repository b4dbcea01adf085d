// A real server in this process on free ports, and grpc-js stubs that speak to it.

import { credentials, makeGenericClientConstructor, type Client, type ServiceError } from '@grpc/grpc-js';
import { create, type DescMethodUnary, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { pino } from 'pino';
import { IdempotencyService } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { grpcDefinition } from '../../proto/grpc.ts';
import { createEngine } from '../../server/engine.ts';
import { startGrpc, type GrpcListener } from '../../server/grpc.ts';
import { createMetrics } from '../../server/metrics.ts';
import type { PolicyLookup } from '../../server/policy.ts';
import type { Store } from '../../storage/contract/index.ts';

export interface TestServer extends AsyncDisposable {
  readonly address: string;
  readonly listener: GrpcListener;
  readonly client: TestClient;
}

export interface TestServerOptions {
  readonly store: Store;
  readonly policyOf?: PolicyLookup;
}

/** Serves the store; closing it closes the store too. */
export async function startTestServer({ store, policyOf }: TestServerOptions): Promise<TestServer> {
  const log = pino({ level: 'silent' });
  const metrics = createMetrics();
  const { engine, stop } = createEngine({ store, metrics, ...(policyOf === undefined ? {} : { policyOf }) });
  const listener = await startGrpc({ engine, log, address: '127.0.0.1:0' });
  const client = connect(listener.address);
  return {
    address: listener.address,
    listener,
    client,
    async [Symbol.asyncDispose]() {
      client.raw.close();
      stop();
      await listener.drain(1000);
      await store.close();
    },
  };
}

type Methods = typeof IdempotencyService.method;
type UnaryName = { [Name in keyof Methods]: Methods[Name] extends DescMethodUnary ? Name : never }[keyof Methods];
type Call<Name extends UnaryName> = (
  request: MessageInitShape<Methods[Name]['input']>,
  options?: CallOptions,
) => Promise<MessageShape<Methods[Name]['output']>>;

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export type TestClient = { readonly [Name in UnaryName]: Call<Name> } & { readonly raw: Client };

type RawUnary = (
  request: object,
  options: object,
  callback: (error: ServiceError | null, response?: object) => void,
) => { cancel(): void };

const RawClient = makeGenericClientConstructor(grpcDefinition(IdempotencyService), 'IdempotencyService');

export function connect(address: string): TestClient {
  const raw = new RawClient(address, credentials.createInsecure());
  const calls = IdempotencyService.methods
    .filter((method): method is typeof method & DescMethodUnary => method.methodKind === 'unary')
    .map((method) => [method.localName, unary(raw, method)]);
  return { ...Object.fromEntries(calls), raw } as TestClient;
}

function unary(raw: Client, method: DescMethodUnary) {
  const send = (raw as unknown as Record<string, RawUnary>)[method.localName]?.bind(raw);
  if (send === undefined) throw new Error(`no method ${method.localName}`);
  return async (request: Record<string, unknown>, options: CallOptions = {}): Promise<object> =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + (options.timeoutMs ?? 15_000);
      const call = send(create(method.input, request), { deadline }, (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error('no response'));
      });
      options.signal?.addEventListener('abort', () => call.cancel());
    });
}
