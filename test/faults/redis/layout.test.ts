// How many shards a store has, which servers must agree on for good, and what the operations of one call write together.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addMs, durationMs, epochMs, type EpochMs, type Store } from '../../../storage/contract/index.ts';
import { inspectRedis, openRedisStore } from '../../../storage/redis/index.ts';
import { createKeys } from '../../../storage/redis/keys.ts';
import { TIMERS_STEP_MAX } from '../../../storage/redis/limits.ts';
import { parseLocation } from '../../../storage/redis/location.ts';
import { openSingle } from '../../../storage/redis/single.ts';
import { createWatch } from '../../../storage/redis/watch.ts';
import { startRedisCluster } from '../../support/redis-cluster.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { beginOf, beginOn, NAMESPACE, POLICY, settleOf, settleOn } from '../scene.ts';

describeWithRedis('the shards of a store', () => {
  let redis: RedisServer;
  let url: string;
  let prefix: string;
  const stores: Store[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  beforeEach(() => {
    prefix = randomUUID();
    url = `${redis.url}?prefix=${prefix}`;
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  afterAll(() => redis.dispose());

  const open = async (): Promise<Store> => {
    const store = await openRedisStore({ url });
    stores.push(store);
    return store;
  };
  const layoutRow = async () => (await inspectRedis({ url })).find(({ name }) => name === 'layout');
  const shardsWithRecords = async (shards: number): Promise<number> => {
    const counts = await Promise.all(
      createKeys(prefix, shards).shards.map(({ indexKey }) => redis.command('exists', indexKey)),
    );
    return counts.filter((count) => count === 1).length;
  };
  const fill = (store: Store, count: number) =>
    Promise.all(Array.from({ length: count }, (_, number) => beginOn(store, beginOf(`key-${number}`))));
  const claim = (store: Store, call: ReturnType<typeof beginOf>, nowMs: EpochMs) =>
    store.claim(
      {
        ...call,
        expected: 'absent',
        labels: {},
        owner: '',
        leaseMs: POLICY.leaseMs,
        orphanTtlMs: POLICY.orphanTtlMs,
        retention: { ttlMs: POLICY.ttlMs, graceMs: POLICY.graceMs },
      },
      { nowMs },
    );
  const keep = (shards: number) =>
    Promise.all([
      redis.command('zadd', `${prefix}:{registry}:layout:names`, 0, 'records'),
      redis.command('hset', `${prefix}:{registry}:layout:values`, 'records', `1 {"shards":${shards}}`),
    ]);

  test('of one Redis is one, however many servers open it at once, and all see one record', async () => {
    expect(await layoutRow()).toMatchObject({ ok: true, found: 'no records yet' });
    const [first, second] = await Promise.all([open(), open()]);
    const call = beginOf('order-1');
    await beginOn(first, call);
    expect(await settleOn(second, settleOf('order-1', call.leaseToken, 'paid'))).toMatchObject({ kind: 'done' });
    await fill(first, 100);
    expect(await shardsWithRecords(1)).toBe(1);
    expect(await layoutRow()).toMatchObject({ ok: true, found: '1 shard' });
  });

  test('of records copied from a cluster stay 256, with a word in the inspection', async () => {
    await keep(256);
    const store = await open();
    await fill(store, 600);
    expect(await shardsWithRecords(256)).toBeGreaterThan(200);
    expect((await store.list({ limit: 1_000 })).records).toHaveLength(600);
    expect((await store.stats()).groups).toMatchObject([{ state: 'IN_PROGRESS', records: 600 }]);
    expect(await layoutRow()).toMatchObject({ ok: false, isAdvice: true, found: '256 shards' });
  });

  test('that another version named are refused: without a layout, or with one that is not known', async () => {
    const shard = createKeys(prefix, 256).shards[200];
    await redis.command('zadd', shard?.indexKey ?? '', 1, 'a record');
    await expect(open()).rejects.toThrow(/layout: found records of another version; needed .*another \?prefix=/);
    await keep(7);
    await expect(open()).rejects.toThrow('layout: found records of another version');
  });

  test('that are no longer what they were when the server started are noticed', async () => {
    await open();
    const location = parseLocation(url);
    const router = await openSingle(location, 0);
    const wanted = { kind: 'single', tier: 'cache', isTierNamed: true, replicas: 0, shards: 1 } as const;
    const watch = createWatch({ router, keys: createKeys(prefix, 1), wanted, everyMs: 20 });
    const trouble = () =>
      watch.ping().then(
        () => 'none',
        (error: Error) => error.message,
      );
    try {
      expect(await trouble()).toBe('none');
      await redis.command('del', `${prefix}:{registry}:layout:values`);
      await expect.poll(trouble, { timeout: 5_000 }).toContain('layout: found none; needed 1 shard');
      await keep(256);
      await expect.poll(trouble, { timeout: 5_000 }).toContain('layout: found 256 shards; needed 1 shard');
      await keep(1);
      await expect.poll(trouble, { timeout: 5_000 }).toBe('none');
    } finally {
      watch.close();
      await router.close();
    }
  });

  describe('in one call', () => {
    test('a key that holds no record fails the call, and nothing of it is written', async () => {
      const store = await open();
      const [broken, ...others] = ['order-1', 'order-2', 'order-3'].map((key) => beginOf(key));
      if (broken === undefined) throw new Error('three calls');
      const { key } = createKeys(prefix, 1).nameOf(broken);
      await redis.command('set', key, 'short');
      const begun = await Promise.allSettled([...others, broken].map((call) => beginOn(store, call)));
      expect(begun.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      expect((await store.list({ limit: 10 })).records).toEqual([]);
      expect((await store.stats()).groups).toEqual([]);
      await redis.command('del', key);
      for (const call of [...others, broken]) expect((await beginOn(store, call)).kind).toBe('acquired');
      expect((await store.stats()).groups).toMatchObject([{ records: 3 }]);
    });

    test('what happens to a record twice is counted once', async () => {
      const store = await open();
      const held = beginOf('order-1');
      await beginOn(store, held);
      const { record } = await store.read({ ...held, includeResult: false });
      const removal = { ...held, revision: record?.revision ?? 0, force: true };
      const other = beginOf('order-2');
      await beginOn(store, other);
      await Promise.all(
        Array.from({ length: 4 }, () => settleOn(store, settleOf('order-2', other.leaseToken, 'paid'))),
      );
      const nowMs = epochMs(removal.revision + 1);
      await Promise.all(Array.from({ length: 4 }, () => store.remove(removal, { nowMs })));
      expect((await store.stats()).groups).toMatchObject([{ state: 'COMPLETED', records: 1, bytes: 4 }]);
    });
  });

  test('the timer of an orphan that was settled after all goes once it is due', async () => {
    const store = await open();
    const call = beginOf('order-1');
    const nowMs = epochMs(Date.now());
    const orphanMs = addMs(nowMs, POLICY.leaseMs);
    const timerMs = addMs(addMs(orphanMs, POLICY.orphanTtlMs), POLICY.graceMs);
    await claim(store, call, nowMs);
    const entries = () => redis.command('zcard', createKeys(prefix, 1).shards[0]?.indexKey ?? '');
    await store.compact({ limit: 10 }, { nowMs: orphanMs });
    expect(await entries()).toBe(2);
    const settle = settleOf('order-1', call.leaseToken, 'paid');
    const guard = { kind: 'token' as const, leaseToken: call.leaseToken };
    const settled = await store.settle(
      { ...settle, guard, ttlMs: undefined, graceMs: POLICY.graceMs },
      { nowMs: addMs(addMs(orphanMs, POLICY.graceMs), durationMs(1)) },
    );
    expect(settled.applied).toBe(true);
    const compacted = await store.compact({ limit: 10 }, { nowMs: timerMs });
    expect(compacted).toMatchObject({ recordsRemoved: 0, resultsDropped: 0, more: false });
    expect(await entries()).toBe(1);
  });

  test('more orphans than a script takes, all of one instant, are compacted once their time is over', async () => {
    const store = await open();
    const nowMs = epochMs(Date.now());
    const count = TIMERS_STEP_MAX * 2 + 1;
    const calls = Array.from({ length: count }, (_, number) => beginOf(`key-${number}`));
    await Promise.all(calls.map((call) => claim(store, call, nowMs)));
    const purgeMs = addMs(addMs(addMs(nowMs, POLICY.leaseMs), POLICY.orphanTtlMs), POLICY.graceMs);
    const compacted = await store.compact({ limit: count }, { nowMs: purgeMs });
    expect(compacted).toMatchObject({ recordsRemoved: count, more: false });
    expect((await store.list({ limit: 10, namespace: NAMESPACE, includeExpired: true })).records).toEqual([]);
  });
});

describeWithRedis('the shards of a cluster', () => {
  test('are 256, and one that was copied from one Redis is told of', { timeout: 60_000 }, async () => {
    const cluster = await startRedisCluster();
    try {
      const row = async () => (await inspectRedis({ url: cluster.url })).find(({ name }) => name === 'layout');
      const store = await openRedisStore({ url: cluster.url });
      await beginOn(store, beginOf('order-1'));
      expect(await row()).toMatchObject({ ok: true, found: '256 shards' });
      const entry = { collection: 'layout', name: 'records' };
      await store.registry.put({ ...entry, value: '{"shards":1}' });
      await store.close();
      expect(await row()).toMatchObject({ ok: false, isAdvice: true, found: '1 shard' });
      const copied = await openRedisStore({ url: cluster.url });
      expect(await beginOn(copied, beginOf('order-2'))).toMatchObject({ kind: 'acquired' });
      await copied.close();
    } finally {
      await cluster.dispose();
    }
  });
});
