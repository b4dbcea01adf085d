// The faults must be what they say, over gRPC, Session and HTTP alike.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient, type OncedClient } from '../../clients/node/index.ts';
import { serveOnced, type Served } from '../support/onced.ts';
import type { Fault, Told } from './faults.ts';
import { startProxy, type Proxy } from './processes.ts';

const PATH = '/onced.v1.IdempotencyService/BeginIntent';

let server: Served;
let proxy: Proxy;
let straight: OncedClient;
let keys = 0;

beforeAll(async () => {
  server = await serveOnced(['--store', 'memory:', '--log-level', 'error']);
  proxy = await startProxy(server);
  straight = createClient({ address: server.grpc });
});
afterAll(async () => {
  straight.close();
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const setFaults = async (...faults: Fault[]): Promise<unknown> =>
  fetch(proxy.control, { method: 'POST', body: JSON.stringify(faults) });
const isKnown = async (key: string): Promise<boolean> =>
  straight.lookup({ namespace: 'test/proxy', key }).then(
    () => true,
    () => false,
  );

const begins = {
  async unary(key: string) {
    using client = createClient({ address: proxy.grpc, transport: 'unary', retry: { triesMax: 1 } });
    return (await client.begin({ namespace: 'test/proxy', key, attemptId: 'a' })).kind;
  },
  async session(key: string) {
    using client = createClient({ address: proxy.grpc, transport: 'session', retry: { triesMax: 1 } });
    return (await client.begin({ namespace: 'test/proxy', key, attemptId: 'a' })).kind;
  },
  async http(key: string) {
    const body = JSON.stringify({ namespace: 'test/proxy', key, attemptId: 'a' });
    const headers = { 'content-type': 'application/json', 'connect-protocol-version': '1' };
    const answer = await fetch(proxy.http + PATH, { method: 'POST', headers, body });
    return Object.keys((await answer.json()) as object)[0];
  },
};

describe.each(['unary', 'session', 'http'] as const)('the faulty proxy over %s', (way) => {
  const begin = async (): Promise<{ readonly key: string; readonly kind: string | undefined }> => {
    keys += 1;
    const key = `key-${keys}`;
    return { key, kind: await begins[way](key).catch(() => 'broken') };
  };

  test('a request that is dropped has no effect', async () => {
    await setFaults({ rpc: 'BeginIntent', fault: 'drop_request' });
    const { key, kind } = await begin();
    expect([kind, await isKnown(key)]).toEqual(['broken', false]);
  });
  test('a reply that is dropped has an effect', async () => {
    await setFaults({ rpc: 'BeginIntent', fault: 'drop_reply' });
    const { key, kind } = await begin();
    expect([kind, await isKnown(key)]).toEqual(['broken', true]);
  });
  test('a fault is due as often as it says, and for its call only', async () => {
    await setFaults({ rpc: 'BeginIntent', fault: 'drop_reply', times: 2 }, { rpc: 'Fail', fault: 'drop_request' });
    expect([(await begin()).kind, (await begin()).kind, (await begin()).kind]).toEqual([
      'broken',
      'broken',
      'acquired',
    ]);
    const { missed } = (await (await fetch(proxy.control)).json()) as Told;
    expect(missed.at(-1)).toEqual({ rpc: 'Fail', fault: 'drop_request' });
    await setFaults();
  });
  test('a reply that is delayed arrives', async () => {
    await setFaults({ fault: 'delay_reply', ms: 300 });
    const startMs = performance.now();
    expect((await begin()).kind).toBe('acquired');
    expect(performance.now() - startMs).toBeGreaterThan(290);
  });
  test('a share falls on some and not on others', async () => {
    await setFaults({ fault: 'drop_reply', share: 0.5 });
    const kinds = new Set<string | undefined>();
    for (let tries = 0; tries < 40; tries++) kinds.add((await begin()).kind);
    expect(kinds).toEqual(new Set(['broken', 'acquired']));
  });
});

test('a request that is repeated arrives twice, and the second answer counts', async () => {
  await setFaults({ rpc: 'BeginIntent', fault: 'repeat_request' });
  using client = createClient({ address: proxy.grpc, transport: 'unary' });
  const place = { namespace: 'test/proxy', key: 'repeated' };
  const acquired = await client.begin(place);
  if (acquired.kind !== 'acquired') throw new Error(acquired.kind);
  await setFaults({ rpc: 'Complete', fault: 'repeat_request' });
  const { alreadyApplied } = await client.complete({ ...acquired, ...place, result: new Uint8Array() });
  expect(alreadyApplied).toBe(true);
});
