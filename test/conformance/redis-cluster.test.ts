import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { openRedisStore } from '../../storage/redis/index.ts';
import { startRedisCluster, type RedisCluster } from '../support/redis-cluster.ts';
import { describeStore } from './index.ts';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster.dispose());

describeStore({
  name: 'redis-cluster',
  survivesClose: true,
  allowsPeers: true,
  pushesChanges: true,
  async makePlace() {
    const url = `${cluster.url}?prefix=${randomUUID()}`;
    return { open: () => openRedisStore({ url }), dispose: async () => undefined };
  },
});
