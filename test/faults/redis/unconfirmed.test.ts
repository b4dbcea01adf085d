// Tier replica with the replica standing still: nobody is told what it does not have, whoever asks and however.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../../storage/contract/index.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { eventually } from '../../support/redis-cluster.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { beginOf, beginOn, settleOf, settleOn } from './scene.ts';

describeWithRedis('what no replica has confirmed', () => {
  let primary: RedisServer;
  let replica: RedisServer;
  let store: Store;
  beforeAll(async () => {
    primary = await startRedis();
    replica = await startRedis({ settings: { replicaof: `${primary.host} ${primary.port}` } });
    await eventually('the replica', async () => (await primary.info('slave0')).includes('state=online'));
    store = await openRedisStore({ url: `${primary.url}?tier=replica` });
  });
  afterEach(() => replica.resume());
  afterAll(async () => {
    await store.close();
    await Promise.all([replica.dispose(), primary.dispose()]);
  });

  test('is acknowledged to nobody: not the claim, not the outcome, not an entry of the registry', async () => {
    const held = beginOf(randomUUID());
    await beginOn(store, held);
    replica.pause();
    const outcomes = await Promise.allSettled([
      beginOn(store, beginOf(randomUUID())),
      settleOn(store, settleOf(held.key, held.leaseToken, 'paid')),
      store.registry.put({ collection: 'policies', name: randomUUID(), value: '{}' }),
    ]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: { kind: 'unknown' } });
  });

  test('is shown to nobody: an outcome stands on the primary, and neither a begin nor a read replays it', async () => {
    const held = beginOf(randomUUID());
    await beginOn(store, held);
    replica.pause();
    const settle = settleOf(held.key, held.leaseToken, 'paid');
    await expect(settleOn(store, settle)).rejects.toMatchObject({ kind: 'unknown' });
    const weak = await openRedisStore({ url: `${primary.url}?tier=cache` });
    expect((await weak.read({ ...held, includeResult: true })).record?.state).toBe('COMPLETED');
    await weak.close();
    await expect(beginOn(store, beginOf(held.key))).rejects.toMatchObject({ name: 'StoreError' });
    await expect(store.read({ ...held, includeResult: true })).rejects.toMatchObject({ name: 'StoreError' });
    replica.resume();
    await eventually('a replay', async () => (await beginOn(store, beginOf(held.key))).kind === 'completed');
    expect(await settleOn(store, settle)).toMatchObject({ kind: 'already-applied' });
  });

  test('is confirmed again as soon as the replica is back', async () => {
    replica.pause();
    await expect(store.ping()).rejects.toMatchObject({ name: 'StoreError' });
    replica.resume();
    await eventually('a ping', () => store.ping().then(() => true));
    await beginOn(store, beginOf(randomUUID()));
  });
});
