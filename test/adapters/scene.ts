// A real Onced server in this process, and an HTTP service behind an adapter whose handlers count their effects.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { createClient, type OncedClient } from '../../clients/node/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

export interface Onced {
  readonly client: OncedClient;
  readonly address: string;
}

/** For all tests of a file. */
export function setOnced(): Onced {
  let server: TestServer;
  let client: OncedClient;
  beforeAll(async () => {
    server = await startTestServer({ store: createMemoryStore() });
    client = createClient({ address: server.address });
  });
  afterAll(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });
  return {
    get client() {
      return client;
    },
    get address() {
      return server.address;
    },
  };
}

export const freshNamespace = (): string => `test/${randomUUID()}`;

/** What handlers of a test service do; each framework's service calls them. */
export interface Shop {
  effects: number;
  /** Handlers of /slow and /parts wait for it. */
  gate: Promise<void>;
  /** How many wait there or have waited. */
  waiting: number;
  lastFencingToken: number | undefined;
}

/** The body of /parts. */
export async function* partsOf(shop: Shop): AsyncGenerator<Buffer<ArrayBuffer>> {
  yield Buffer.from('one ');
  shop.waiting += 1;
  await shop.gate;
  shop.effects += 1;
  yield Buffer.from('two');
}

export const openShop = (): Shop => ({ effects: 0, gate: Promise.resolve(), waiting: 0, lastFencingToken: undefined });

export interface Service {
  readonly url: string;
  close(): Promise<unknown>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface Sending {
  readonly key?: string;
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export async function send(
  url: string,
  { key, body = '{"amount":10}', method = 'POST', headers, signal }: Sending,
): Promise<Reply> {
  const answer = await fetch(url, {
    method,
    headers: {
      tenant: 'acme',
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...headers,
    },
    ...(method === 'GET' ? {} : { body, duplex: 'half' }),
    ...(signal === undefined ? {} : { signal }),
  });
  return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) };
}
