// A real server in this process on free ports, and grpc-js stubs that speak to it.

import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  type ChannelCredentials,
  type ChannelOptions,
  type Client,
  type ServiceError,
} from '@grpc/grpc-js';
import {
  create,
  type DescMethod,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { pino, type Logger } from 'pino';
import { AdminService } from '../../proto/gen/onced/v1/admin_pb.js';
import { IdempotencyService } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { grpcDefinition } from '../../proto/grpc.ts';
import type { Engine } from '../../server/context.ts';
import { openEngine, type EngineOptions } from '../../server/engine.ts';
import { startGrpc, type GrpcListener, type GrpcOptions } from '../../server/grpc.ts';
import { createMetrics, type MetricsOwner } from '../../server/metrics.ts';
import { everybodyIsAnonymous, type Identify } from '../../server/principal.ts';

export interface TestServer extends AsyncDisposable {
  readonly address: string;
  readonly listener: GrpcListener;
  readonly metrics: MetricsOwner;
  readonly engine: Engine;
  readonly client: TestClient;
  readonly admin: AdminClient;
}

export interface TestServerOptions extends Omit<EngineOptions, 'metrics' | 'log'> {
  /** Who callers are; everybody is anonymous without it. */
  readonly identifyBy?: (engine: Engine) => Identify;
  readonly connections?: GrpcOptions['connections'];
  /** Where the server logs; by default nowhere. */
  readonly log?: Logger;
}

/** Serves the store; closing it closes the store too. */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  // ONCED_TEST_LOG=info to see what a server says.
  const log = options.log ?? pino({ level: process.env['ONCED_TEST_LOG'] ?? 'silent' });
  const metrics = createMetrics();
  const { engine, stop } = await openEngine({ ...options, metrics, log });
  const identify = options.identifyBy?.(engine) ?? everybodyIsAnonymous;
  const listener = await startGrpc({
    engine,
    log,
    identify,
    address: '127.0.0.1:0',
    ...(options.connections === undefined ? {} : { connections: options.connections }),
  });
  const client = connect(listener.address);
  const admin = connectAdmin(listener.address);
  return {
    address: listener.address,
    listener,
    metrics,
    engine,
    client,
    admin,
    async [Symbol.asyncDispose]() {
      client.raw.close();
      admin.raw.close();
      await stop();
      await listener.drain(1000);
      await options.store.close();
    },
  };
}

type UnaryName<Service extends DescService> = {
  [Name in keyof Service['method']]: Service['method'][Name] extends DescMethodUnary ? Name : never;
}[keyof Service['method']];
type Call<Method extends DescMethod> = (
  request: MessageInitShape<Method['input']>,
  options?: CallOptions,
) => Promise<MessageShape<Method['output']>>;

/** The unary calls of a service as functions; the raw grpc-js client has the streaming ones. */
export type ServiceClient<Service extends DescService> = {
  readonly [Name in UnaryName<Service>]: Call<Service['method'][Name]>;
} & { readonly raw: Client };
export type TestClient = ServiceClient<typeof IdempotencyService>;
export type AdminClient = ServiceClient<typeof AdminService>;

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
}

type RawUnary = (
  request: object,
  metadata: Metadata,
  options: object,
  callback: (error: ServiceError | null, response?: object) => void,
) => { cancel(): void };

export const connect = (address: string, options: ChannelOptions = {}, by?: ChannelCredentials): TestClient =>
  connectService(IdempotencyService, address, options, by);
export const connectAdmin = (address: string): AdminClient => connectService(AdminService, address);

/** grpc-js lets clients of one address share a connection otherwise. */
export const OWN_CONNECTION: ChannelOptions = { 'grpc.use_local_subchannel_pool': 1 };

function connectService<Service extends DescService>(
  service: Service,
  address: string,
  options: ChannelOptions = {},
  by = credentials.createInsecure(),
): ServiceClient<Service> {
  const RawClient = makeGenericClientConstructor(grpcDefinition(service), service.typeName);
  const raw = new RawClient(address, by, options);
  const calls = service.methods
    .filter((method): method is typeof method & DescMethodUnary => method.methodKind === 'unary')
    .map((method) => [method.localName, unary(raw, method)]);
  return { ...Object.fromEntries(calls), raw } as ServiceClient<Service>;
}

function unary(raw: Client, method: DescMethodUnary) {
  const send = (raw as unknown as Record<string, RawUnary>)[method.localName]?.bind(raw);
  if (send === undefined) throw new Error(`no method ${method.localName}`);
  return async (request: Record<string, unknown>, options: CallOptions = {}): Promise<object> =>
    new Promise((resolve, reject) => {
      const deadline = Date.now() + (options.timeoutMs ?? 15_000);
      const call = send(create(method.input, request), metadataOf(options), { deadline }, (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error('no response'));
      });
      options.signal?.addEventListener('abort', () => call.cancel());
    });
}

export function metadataOf({ token }: Pick<CallOptions, 'token'>): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}
