// A primary under a Sentinel is killed: the store finds the one that was promoted, and all that was acknowledged there.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../../storage/contract/index.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { eventually } from '../../support/redis-cluster.ts';
import { startWatchedRedis, type WatchedRedis } from '../../support/redis-sentinel.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { faultsOf, startLoad } from '../load.ts';

describeWithRedis('a primary under a Sentinel', () => {
  let watched: WatchedRedis;
  let stores: readonly [Store, Store];
  beforeAll(async () => {
    watched = await startWatchedRedis();
    // One of two: after the failover one is left.
    const open = (): Promise<Store> => openRedisStore({ url: `${watched.url}?replicas=1` });
    stores = [await open(), await open()];
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await watched.dispose();
  });

  test('is found by name, with the tier that its replicas allow', () => {
    expect(stores[0].description).toMatchObject({ kind: 'redis', tier: 'replica', location: watched.url });
  });

  test(
    'killed: callers go on with the one promoted, and nothing acknowledged is lost',
    { timeout: 60_000 },
    async () => {
      const load = startLoad(stores);
      await sleep(500);
      const before = load.ledger.completed.size;
      await watched.primary.kill();
      await eventually('another primary', async () => (await watched.primaryPort()) !== watched.primary.port);
      await eventually('callers to go on', async () => load.ledger.completed.size > before + 100);
      await load.stop();
      expect(await faultsOf(stores[0], load.ledger)).toEqual([]);
    },
  );
});
