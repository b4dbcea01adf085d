// Ten seconds without Redis, killed under load. It writes before it answers (appendfsync always), so that nothing that it
// has acknowledged is missing when it is back.

import { test } from 'vitest';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { startRedis } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { proveOutage } from './outage.ts';

describeWithRedis('a store on Redis', () => {
  test('killed for 10 s: no call fails where the namespace goes on, all are refused where it rejects', async () => {
    const server = await startRedis({ settings: { appendfsync: 'always' } });
    try {
      await proveOutage({ ...server, open: async () => openRedisStore({ url: server.url }) });
    } finally {
      await server.dispose();
    }
  }, 120_000);
});
