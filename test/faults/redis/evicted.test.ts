// A Redis that has dropped records by itself, as one does that is told to evict: what is left of them harms nobody.

import { expect, test } from 'vitest';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { createKeys } from '../../../storage/redis/keys.ts';
import { SHARDS_OF_SINGLE } from '../../../storage/redis/limits.ts';
import { createScene } from '../../conformance/scene.ts';
import { redisSubject } from '../../conformance/subjects/redis.ts';
import { startRedis } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';

describeWithRedis('a Redis that dropped a record in progress', () => {
  test('compaction goes on with the others and leaves nothing of it, and the key begins anew', async () => {
    const redis = await startRedis();
    const store = await openRedisStore({ url: redis.url });
    try {
      const scene = createScene(store, redisSubject);
      const { purgeMs } = await scene.acquire();
      const other = await scene.acquire({ key: 'order-2' as typeof scene.key });
      const { key, shard } = createKeys('onced', SHARDS_OF_SINGLE).nameOf(scene);
      await redis.command('del', key);
      scene.setNow(Math.max(purgeMs, other.purgeMs));
      expect(await store.compact({ limit: 10 }, scene.at())).toMatchObject({ recordsRemoved: 1, more: false });
      expect(await redis.command('exists', shard.indexKey)).toBe(0);
      expect((await scene.acquire()).attemptOrigin).toBe('FRESH');
    } finally {
      await store.close();
      await redis.dispose();
    }
  });
});
