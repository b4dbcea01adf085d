// A real server in this process and clients that speak to it, over either transport, straight or through a faulty network.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import {
  createClient,
  OncedError,
  type Acquired,
  type BeginRequest,
  type ClientOptions,
  type LogEntry,
  type OncedClient,
} from '../../../clients/node/index.ts';
import { createMemoryStore } from '../../../storage/memory/store.ts';
import type { PolicyLookup } from '../../../server/policy.ts';
import { startTestServer, type TestServer } from '../../support/server.ts';
import { shiftedStore } from '../../support/shifted-store.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

export type TransportName = 'session' | 'unary';

export interface Scene {
  readonly transport: TransportName;
  readonly client: OncedClient;
  readonly server: TestServer;
  /** The network between `shaky()` and the server. */
  readonly proxy: TcpProxy;
  /** What the clients' log hook was told. */
  readonly logged: LogEntry[];
  /** Another client, closed at the end. */
  connect(options?: Partial<ClientOptions>): OncedClient;
  /** A client behind the proxy. */
  shaky(options?: Partial<ClientOptions>): OncedClient;
  /** Moves the store's clock on. */
  advance(ms: number): void;
  /** A key in a namespace that no other test uses. */
  place(): { readonly namespace: string; readonly key: string };
}

/** The same tests over both transports. */
export function describeTransports(name: string, define: (scene: Scene) => void): void {
  for (const transport of ['session', 'unary'] as const) {
    describe(`${name} over ${transport}`, () => define(setScene(transport)));
  }
}

export function setScene(transport: TransportName, policyOf?: PolicyLookup): Scene {
  const shifted = shiftedStore(createMemoryStore());
  const clients: OncedClient[] = [];
  const logged: LogEntry[] = [];
  let server: TestServer;
  let proxy: TcpProxy;
  let client: OncedClient;

  const open = (address: string, options: Partial<ClientOptions> = {}): OncedClient => {
    const opened = createClient({ address, transport, log: (entry) => logged.push(entry), ...options });
    clients.push(opened);
    return opened;
  };
  beforeAll(async () => {
    server = await startTestServer({ store: shifted.store, ...(policyOf === undefined ? {} : { policyOf }) });
    const port = Number(server.address.split(':').at(-1));
    proxy = await startTcpProxy({ host: '127.0.0.1', port });
    client = open(server.address);
  });
  afterAll(async () => {
    for (const opened of clients) opened.close();
    await proxy.close();
    await server[Symbol.asyncDispose]();
  });

  return {
    transport,
    logged,
    get client() {
      return client;
    },
    get server() {
      return server;
    },
    get proxy() {
      return proxy;
    },
    connect: (options) => open(server.address, options),
    shaky: (options) => open(`127.0.0.1:${proxy.port}`, options),
    advance: (ms) => shifted.advance(ms),
    place: () => ({ namespace: `test/${randomUUID()}`, key: 'order-1' }),
  };
}

/** Resolves once the condition holds; rejects after the bound. */
export async function until(condition: () => boolean | Promise<boolean>, boundMs = 5_000): Promise<void> {
  const endMs = performance.now() + boundMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not within ${boundMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

export async function acquire(scene: Scene, request: BeginRequest): Promise<Acquired> {
  const answer = await scene.client.begin(request);
  if (answer.kind !== 'acquired') throw new Error(`not acquired: ${answer.kind}`);
  return answer;
}

/** What a promise rejects with. A success is an error, so that it cannot hide. */
export async function thrown(call: Promise<unknown>): Promise<unknown> {
  const settled = await call.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (settled === undefined) throw new Error('resolved');
  return settled.error;
}

/** The same for calls, which reject with nothing else. */
export async function rejection(call: Promise<unknown>): Promise<OncedError> {
  const error = await thrown(call);
  if (error instanceof OncedError) return error;
  throw error;
}

export const later = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
