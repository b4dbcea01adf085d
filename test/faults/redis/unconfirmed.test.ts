// Tier replica with the replica standing still: nobody is told what it does not have, whoever asks and however.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../../storage/contract/index.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { createKeys } from '../../../storage/redis/keys.ts';
import { eventually } from '../../support/redis-cluster.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { beginOf, beginOn, NAMESPACE, settleOf, settleOn } from '../scene.ts';

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
    // Another server, which wrote nothing since: all that it wrote is confirmed.
    const other = await openRedisStore({ url: `${primary.url}?tier=replica` });
    await Promise.all(Array.from({ length: 50 }, () => beginOn(other, beginOf(randomUUID()))));
    replica.pause();
    const settle = settleOf(held.key, held.leaseToken, 'paid');
    await expect(settleOn(store, settle)).rejects.toMatchObject({ kind: 'unknown' });
    const weak = await openRedisStore({ url: `${primary.url}?tier=cache` });
    expect((await weak.read({ ...held, includeResult: true })).record?.state).toBe('COMPLETED');
    await weak.close();
    for (const server of [store, other]) {
      await expect(beginOn(server, beginOf(held.key))).rejects.toMatchObject({ name: 'StoreError' });
      await expect(server.read({ ...held, includeResult: true })).rejects.toMatchObject({ name: 'StoreError' });
    }
    await other.close();
    replica.resume();
    await eventually('a replay', async () => (await beginOn(store, beginOf(held.key))).kind === 'completed');
    expect(await settleOn(store, settle)).toMatchObject({ kind: 'already-applied' });
  });

  // Redis 7.0 waits for all that was replicated up to the command before WAIT; the documentation promises only what the
  // connection wrote itself.
  test('is waited for behind a write of its own, also when nothing changed', async () => {
    const { key } = beginOf(randomUUID());
    const counts = createKeys('onced', 1).nameOf({ namespace: NAMESPACE, key }).shard.countsKey;
    const touched = async (): Promise<number> => Number(await primary.command('hget', counts, '@'));
    await beginOn(store, beginOf(key));
    const { nowMs } = await store.read({ namespace: NAMESPACE, key, includeResult: true });
    expect(await touched()).toBe(nowMs);
    await eventually('a later instant', async () => {
      await beginOn(store, beginOf(key));
      return (await touched()) > nowMs;
    });
  });

  test('is no matter on a full Redis: what is done is replayed there, too', async () => {
    const held = beginOf(randomUUID());
    await beginOn(store, held);
    await settleOn(store, settleOf(held.key, held.leaseToken, 'paid'));
    await primary.command('config', 'set', 'maxmemory', 1);
    expect(await beginOn(store, beginOf(held.key))).toMatchObject({ kind: 'completed' });
    await primary.command('config', 'set', 'maxmemory', 0);
  });

  test('is confirmed again as soon as the replica is back', async () => {
    replica.pause();
    await expect(store.ping()).rejects.toMatchObject({ name: 'StoreError' });
    replica.resume();
    await eventually('a ping', () => store.ping().then(() => true));
    await beginOn(store, beginOf(randomUUID()));
  });
});
