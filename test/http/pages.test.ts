// What a running server says over HTTP: alive, ready or why not, and its figures.

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { loadConfig } from '../../server/config/load.ts';
import { startServer } from '../../server/main.ts';
import { createReadiness } from '../../server/readiness.ts';
import { StoreError, type Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { connect } from '../support/server.ts';

const log = pino({ level: 'silent' });
const serve = async () => {
  const flags = { store: 'memory:', grpc: '127.0.0.1:0', http: '127.0.0.1:0' };
  const server = await startServer(loadConfig({ flags, environment: {} }).config, log);
  return { ...server, [Symbol.asyncDispose]: () => server.close('test over') };
};

test('the front page says what is served here and what an acknowledgement means', async () => {
  await using server = await serve();
  const front = await (await fetch(`http://${server.httpAddress}/`)).text();
  expect(front).toContain('/metrics');
  expect(front).toContain('Acknowledged means nothing survives the process.');
});

test('a call shows in the figures, by RPC and outcome, with an unregistered namespace as other', async () => {
  await using server = await serve();
  const client = connect(server.grpcAddress);
  await client.beginIntent({ namespace: 'payments', key: 'secret-key', attemptId: 'a' });
  await client.beginIntent({ namespace: 'payments', key: 'secret-key', attemptId: 'b' });
  client.raw.close();
  const response = await fetch(`http://${server.httpAddress}/metrics`);
  const figures = await response.text();
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(figures).toContain('onced_requests_total{rpc="BeginIntent",outcome="acquired",namespace="other"} 1');
  expect(figures).toContain('onced_requests_total{rpc="BeginIntent",outcome="in_progress",namespace="other"} 1');
  expect(figures).toMatch(/onced_store_verb_duration_seconds_count\{verb="claim"\} \d/);
  expect(figures).not.toContain('secret-key');
});

test('a server that ends is not ready, and says so before it stops to answer', async () => {
  const store = createMemoryStore();
  const readiness = createReadiness(store);
  expect(JSON.parse((await readiness.page()).body)).toEqual({ ready: true, store: 'memory', tier: 'none' });
  readiness.stop();
  const page = await readiness.page();
  expect([page.status, JSON.parse(page.body)]).toEqual([
    503,
    { ready: false, reason: 'the server is ending', store: 'memory', tier: 'none' },
  ]);
});

const storeWith = (ping: Store['ping']): Store => ({ ...createMemoryStore(), ping });

test('without its store it is not ready, and no word of the driver gets out', async () => {
  const store = storeWith(() => Promise.reject(new StoreError('unavailable', 'connect ECONNREFUSED app:hunter2@db')));
  const page = await createReadiness(store).page();
  expect(page.status).toBe(503);
  expect(JSON.parse(page.body)).toMatchObject({ ready: false, reason: 'the store is unavailable' });
});

test('what is wrong with the store is told once to the log, in full, and that it is well again', async () => {
  const words = 'redis://db: maxmemory-policy: found allkeys-lru; needed noeviction';
  let isWell = false;
  const store = storeWith(() => (isWell ? Promise.resolve() : Promise.reject(new StoreError('unavailable', words))));
  const told: (string | undefined)[] = [];
  const readiness = createReadiness(store, { onStore: (why) => told.push(why) });
  const statusIs = (status: number) =>
    expect.poll(async () => (await readiness.page()).status, { timeout: 10_000 }).toBe(status);
  await statusIs(503);
  await readiness.page();
  isWell = true;
  await statusIs(200);
  expect(told).toEqual([words, undefined]);
});

test('a store that hangs makes it not ready within a second', async () => {
  const store = storeWith(() => new Promise(() => undefined));
  const startMs = performance.now();
  const page = await createReadiness(store).page();
  expect(JSON.parse(page.body)).toMatchObject({ ready: false, reason: 'the store did not answer within 900 ms' });
  expect(performance.now() - startMs).toBeLessThan(2000);
});

test('a hundred probes at once cost the store one ping', async () => {
  let pings = 0;
  const store = storeWith(async () => void (pings += 1));
  const readiness = createReadiness(store);
  await Promise.all(Array.from({ length: 100 }, () => readiness.page()));
  expect(pings).toBe(1);
});

test('what was opened is closed again when a later step fails', async () => {
  await using running = await serve();
  const flags = { store: 'memory:', grpc: running.grpcAddress, http: '127.0.0.1:0' };
  const failing = startServer(loadConfig({ flags, environment: {} }).config, log);
  await expect(failing).rejects.toThrow(
    `cannot listen for gRPC on ${running.grpcAddress}: somebody listens there already`,
  );
});
