// A promise that breaks while the server runs: the store says that it is not well, with what to change.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKeys } from '../../../storage/redis/keys.ts';
import { parseLocation } from '../../../storage/redis/location.ts';
import type { Router } from '../../../storage/redis/router.ts';
import { openSingle } from '../../../storage/redis/single.ts';
import { createWatch, type Watch } from '../../../storage/redis/watch.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';

describeWithRedis('a Redis that changes while it is used', () => {
  let redis: RedisServer;
  let router: Router;
  let watch: Watch;
  beforeAll(async () => {
    redis = await startRedis({ settings: { appendfsync: 'always' } });
    router = await openSingle(parseLocation(redis.url), 0);
    const wanted = { kind: 'single', tier: 'disk', isTierNamed: true, replicas: 0 } as const;
    watch = createWatch({ router, keys: createKeys('onced', 1), wanted, everyMs: 20 });
  });
  afterAll(async () => {
    watch.close();
    await router.close();
    await redis.dispose();
  });

  const trouble = async (): Promise<string> =>
    watch.ping().then(
      () => 'none',
      (error: Error) => error.message,
    );

  test.each([
    ['maxmemory-policy', 'allkeys-lru', 'noeviction'],
    ['appendonly', 'no', 'yes'],
    ['appendfsync', 'everysec', 'always'],
  ])('%s set to %s is noticed, and that it is well again', async (setting, wrong, right) => {
    expect(await trouble()).toBe('none');
    await redis.command('config', 'set', setting, wrong);
    await expect.poll(trouble, { timeout: 5_000 }).toContain(`${setting}: found ${wrong}`);
    await redis.command('config', 'set', setting, right);
    await expect.poll(trouble, { timeout: 5_000 }).toBe('none');
  });
});
