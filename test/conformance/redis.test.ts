import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { openRedisStore } from '../../storage/redis/index.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { describeStore } from './index.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.dispose());

describeStore({
  name: 'redis',
  survivesClose: true,
  allowsPeers: true,
  pushesChanges: true,
  async makePlace() {
    const url = `${redis.url}?prefix=${randomUUID()}`;
    return { open: () => openRedisStore({ url }), dispose: async () => undefined };
  },
});
