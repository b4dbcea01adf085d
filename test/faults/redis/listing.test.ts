// Paging through an index in which many records share an instant, and through one that is mostly of others.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { durationMs, epochMs, type Key, type Namespace, type Store } from '../../../storage/contract/index.ts';
import type { Context } from '../../../storage/redis/context.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { createKeys } from '../../../storage/redis/keys.ts';
import { parseLocation } from '../../../storage/redis/location.ts';
import { scan, type Position } from '../../../storage/redis/scan.ts';
import { openSingle } from '../../../storage/redis/single.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { newToken } from '../scene.ts';

const NOW_MS = epochMs(Date.now() + 86_400_000);
const OTHERS = 12_000;

describeWithRedis('paging through a Redis', () => {
  let redis: RedisServer;
  let store: Store;
  let context: Context & { readonly router: { close(): Promise<void> } };
  const keys = createKeys('onced');
  beforeAll(async () => {
    redis = await startRedis();
    store = await openRedisStore({ url: redis.url });
    context = { keys, router: await openSingle(parseLocation(redis.url), 0) };
    await Promise.all(Array.from({ length: OTHERS }, (_, number) => claim('others', `key-${number}`)));
    for (const key of ['a', 'b', 'c']) await claim('few', key);
  });
  afterAll(async () => {
    await context.router.close();
    await store.close();
    await redis.dispose();
  });

  // All in one millisecond, so that they stand at one score.
  const claim = (namespace: string, key: string) =>
    store.claim(
      {
        namespace: namespace as Namespace,
        key: key as Key,
        expected: 'absent',
        fingerprints: [],
        labels: {},
        attemptId: key,
        owner: '',
        leaseToken: newToken(),
        leaseMs: durationMs(1_000),
        orphanTtlMs: durationMs(1_000),
        retention: { ttlMs: durationMs(1_000), graceMs: durationMs(0) },
      },
      { nowMs: NOW_MS },
    );

  test.each([1, 2, 7, 1_000])(
    '%i at a time, each entry of a shard is seen once, whoever shares its instant',
    async (limit) => {
      const shard = keys.nameOf({ namespace: 'few' as Namespace, key: 'a' as Key }).shard;
      const seen: Position[] = [];
      for (let after: Position | undefined; ;) {
        const step = await scan(context, { shard, from: '-inf', to: '+inf', after, limit, namespace: undefined });
        seen.push(...step.positions);
        after = step.last;
        if (step.isComplete) break;
      }
      expect(seen.length).toBe(Number(await redis.command('zcard', shard.indexKey)));
      expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
      expect(new Set(seen.map(({ score }) => score)).size).toBe(1);
    },
  );

  test('few records among many of another namespace are found, in pages of one', async () => {
    const found: string[] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await store.list({ namespace: 'few' as Namespace, limit: 1, after }, { nowMs: NOW_MS });
      found.push(...page.records.map(({ key }) => key));
      after = page.next;
    }
    expect(found.toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('all are listed once, in pages of any size', { timeout: 60_000 }, async () => {
    for (const limit of [999, 64]) {
      const found = new Set<string>();
      let count = 0;
      for (let after: string | undefined = ''; after !== undefined;) {
        const page = await store.list({ limit, after }, { nowMs: NOW_MS });
        for (const { namespace, key } of page.records) found.add(`${namespace} ${key}`);
        count += page.records.length;
        after = page.next;
      }
      expect(found.size).toBe(OTHERS + 3);
      expect(count).toBe(found.size);
    }
  });
});
