// Seconds without Redis, killed under load; without a Redis Cluster, killed and silent. They write before they answer
// (appendfsync always), so that nothing that they have acknowledged is missing when they are back.

import { test } from 'vitest';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { startRedisCluster, type RedisCluster } from '../../support/redis-cluster.ts';
import { startRedis } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { proveOutage, type StoppableStore } from './outage.ts';

const settings = { appendfsync: 'always' };

describeWithRedis('a store on Redis', () => {
  test('killed for 3 s: no call fails where the namespace goes on, all are refused where it rejects', async () => {
    const server = await startRedis({ settings });
    const open = async () => openRedisStore({ url: server.url });
    try {
      await proveOutage(
        { open, stop: async () => server.kill(), start: async () => server.start() },
        { outageMs: 3000, unawareMsMax: 100 },
      );
    } finally {
      await server.dispose();
    }
  }, 120_000);
});

describeWithRedis('a store on Redis Cluster', () => {
  const withCluster = async (prove: (cluster: RedisCluster) => Promise<void>): Promise<void> => {
    // Without replicas, of which one might be made primary before the others are back.
    const cluster = await startRedisCluster({ replicasEach: 0, settings });
    try {
      await prove(cluster);
    } finally {
      await cluster.dispose();
    }
  };
  const stoppedBy = (cluster: RedisCluster, ways: Pick<StoppableStore, 'stop' | 'start'>): StoppableStore => ({
    open: async () => openRedisStore({ url: cluster.url }),
    stop: ways.stop,
    async start() {
      await ways.start();
      await cluster.settled();
    },
  });

  test('each node killed for 3 s: as above', async () => {
    await withCluster(async (cluster) => {
      const store = stoppedBy(cluster, {
        stop: async () => void (await Promise.all(cluster.nodes.map((node) => node.kill()))),
        start: async () => void (await Promise.all(cluster.nodes.map((node) => node.start()))),
      });
      await proveOutage(store, { outageMs: 3000, unawareMsMax: 100 });
    });
  }, 120_000);

  test('each node silent for 5 s: as above, once the silence is known', async () => {
    await withCluster(async (cluster) => {
      const store = stoppedBy(cluster, {
        stop: async () => cluster.nodes.forEach((node) => node.pause()),
        start: async () => cluster.nodes.forEach((node) => node.resume()),
      });
      await proveOutage(store, { outageMs: 5000, unawareMsMax: 500 });
    });
  }, 120_000);
});
