// A Redis that is gone, silent, paused or full: every call ends, in time, and says what is known of it.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../../storage/contract/index.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { CALL_MS_MAX, READY_MS_MAX, SWEEP_MS } from '../../../storage/redis/limits.ts';
import { eventually } from '../../support/redis-cluster.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { beginOf, beginOn, settleOf, settleOn } from '../scene.ts';

describeWithRedis('a Redis out of reach', () => {
  let redis: RedisServer;
  let proxy: TcpProxy;
  let store: Store;
  beforeAll(async () => {
    redis = await startRedis();
    proxy = await startTcpProxy(redis);
  });
  beforeEach(async () => {
    store = await openRedisStore({ url: `redis://127.0.0.1:${proxy.port}` });
  });
  afterEach(() => store.close());
  afterAll(async () => {
    await proxy.close();
    await redis.dispose();
  });

  const beginSomething = () => beginOn(store, beginOf(randomUUID()));
  const isWellAgain = () =>
    eventually('the store to be well again', async () => (await beginSomething()) !== undefined);

  test('silent: calls under way are unknown once their time is over, later ones are not held up', async () => {
    proxy.blackHole({ requests: true });
    const startMs = performance.now();
    const calls = await Promise.allSettled(Array.from({ length: 100 }, beginSomething));
    const took = performance.now() - startMs;
    for (const call of calls) expect(call).toMatchObject({ status: 'rejected', reason: { kind: 'unknown' } });
    expect(took).toBeGreaterThan(CALL_MS_MAX - SWEEP_MS);
    expect(took).toBeLessThan(CALL_MS_MAX + 1_000);
    // The new connection is silent, too: nothing is sent on it, so it is known that nothing was written.
    await expect(beginSomething()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(performance.now() - startMs - took).toBeLessThan(READY_MS_MAX + 500);
    proxy.heal();
    await isWellAgain();
  });

  test('refusing: calls are unavailable at once after a moment, and nothing is sent later', async () => {
    proxy.refuse();
    const call = beginOf(randomUUID());
    await eventually('the loss to be noticed', async () => (await failureOf(beginOn(store, call))) === 'unavailable');
    expect(store.isConnected?.()).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, READY_MS_MAX));
    const startMs = performance.now();
    await expect(beginOn(store, call)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(performance.now() - startMs).toBeLessThan(100);
    proxy.heal();
    await isWellAgain();
    expect((await store.read({ ...call, includeResult: false })).record).toBeUndefined();
    expect(store.isConnected?.()).toBe(true);
  });

  test('killed and started again: what was acknowledged is there', async () => {
    const calls = Array.from({ length: 50 }, () => beginOf(randomUUID()));
    await Promise.all(calls.map((call) => beginOn(store, call)));
    await redis.kill();
    await redis.start();
    await isWellAgain();
    for (const call of calls) {
      const { record } = await store.read({ ...call, includeResult: false });
      expect(record).toMatchObject({ state: 'IN_PROGRESS', leaseToken: call.leaseToken });
    }
  });

  test('a server that cannot be reached is told at opening, with its address', async () => {
    proxy.refuse();
    await expect(openRedisStore({ url: `redis://127.0.0.1:${proxy.port}` })).rejects.toMatchObject({
      name: 'StoreError',
      kind: 'unavailable',
    });
    proxy.heal();
  });

  test('a ping runs a real script, and fails while none runs', async () => {
    await store.ping();
    proxy.blackHole({ replies: true });
    await expect(store.ping()).rejects.toMatchObject({ name: 'StoreError' });
    proxy.heal();
    await eventually('a ping', () => store.ping().then(() => true));
  });

  test('full: new keys are refused as such; what is held is renewed and settled, and compaction makes room', async () => {
    const held = beginOf(randomUUID());
    await beginOn(store, held);
    await redis.command('config', 'set', 'maxmemory', 1);
    await expect(beginSomething()).rejects.toMatchObject({ kind: 'full' });
    expect(await beginOn(store, held)).toMatchObject({ kind: 'acquired' });
    expect(await settleOn(store, settleOf(held.key, held.leaseToken, 'paid'))).toMatchObject({ kind: 'done' });
    const { record } = await store.read({ ...held, includeResult: true });
    if (record?.state !== 'COMPLETED') throw new Error('the settled record is not there');
    await store.ping();
    // Together, so that they share a call.
    const both = await Promise.allSettled([beginSomething(), beginOn(store, beginOf(held.key))]);
    expect(both).toMatchObject([{ reason: { kind: 'full' } }, { value: { kind: 'completed' } }]);
    const dropping = await store.compact({ limit: 1_000 }, { nowMs: record.resultExpireMs });
    expect(dropping.resultsDropped).toBeGreaterThan(0);
    const removing = await store.compact({ limit: 1_000 }, { nowMs: record.purgeMs });
    expect(removing.recordsRemoved).toBeGreaterThan(0);
    await redis.command('config', 'set', 'maxmemory', 0);
    await beginSomething();
  });
});

async function failureOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'answered',
    (error: { readonly kind: string }) => error.kind,
  );
}
