// Paging through an index in which many records share an instant, and through one that is mostly of others.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { addMs, durationMs, epochMs, type Key, type Namespace, type Store } from '../../../storage/contract/index.ts';
import type { Context } from '../../../storage/redis/context.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { createKeys } from '../../../storage/redis/keys.ts';
import { parseLocation } from '../../../storage/redis/location.ts';
import { HELD, scan, type Position } from '../../../storage/redis/scan.ts';
import { openSingle } from '../../../storage/redis/single.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { newToken } from '../scene.ts';

const NOW_MS = epochMs(Date.now() + 86_400_000);
const OTHERS = 12_000;
const LEASE_MS = 1_000;
/** Records that share one. */
const INSTANT_RECORDS = 50;

describeWithRedis('paging through a Redis', () => {
  let redis: RedisServer;
  let store: Store;
  let context: Context & { readonly router: { close(): Promise<void> } };
  const keys = createKeys('onced', 1);
  beforeAll(async () => {
    redis = await startRedis();
    store = await openRedisStore({ url: redis.url });
    context = { keys, router: await openSingle(parseLocation(redis.url), 0) };
    await Promise.all(
      Array.from({ length: OTHERS }, (_, number) =>
        claim('others', `key-${number}`, Math.floor(number / INSTANT_RECORDS)),
      ),
    );
    for (const key of ['a', 'b', 'c']) await claim('few', key);
  });
  afterAll(async () => {
    await context.router.close();
    await store.close();
    await redis.dispose();
  });

  const claim = (namespace: string, key: string, laterMs = 0) =>
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
        leaseMs: durationMs(LEASE_MS),
        orphanTtlMs: durationMs(1_000),
        retention: { ttlMs: durationMs(1_000), graceMs: durationMs(0) },
      },
      { nowMs: addMs(NOW_MS, durationMs(laterMs)) },
    );

  test.each([1, 2, 7, 1_000])(
    '%i at a time, each entry of a shard is seen once, whoever shares its instant',
    async (limit) => {
      const shard = keys.nameOf({ namespace: 'few' as Namespace, key: 'a' as Key }).shard;
      const range = { from: HELD + NOW_MS + LEASE_MS + 1, to: HELD + NOW_MS + LEASE_MS + 3 };
      const seen: Position[] = [];
      for (let after: Position | undefined; ;) {
        const step = await scan(context, { ...range, shard, after, limit, namespace: undefined });
        seen.push(...step.positions);
        after = step.last;
        if (step.isComplete) break;
      }
      expect(seen.length).toBe(3 * INSTANT_RECORDS);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
      expect(new Set(seen.map(({ score }) => score)).size).toBe(3);
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
