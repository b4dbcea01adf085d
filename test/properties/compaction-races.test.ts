// Compaction interleaved with other writes, 100,000 times on each store. Across a socket operations end in any order, so that
// fewer of them can be under way at a time.

import { describe, expect, test } from 'vitest';
import { addMs, durationMs, type Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import type { StoreSubject } from '../conformance/subject.ts';
import { memorySubject } from '../conformance/subjects/memory.ts';
import { postgresSubject } from '../conformance/subjects/postgres.ts';
import { redisClusterSubject, redisSubject } from '../conformance/subjects/redis.ts';
import { sqliteSubject } from '../conformance/subjects/sqlite.ts';
import { seedsToTry } from '../model/random.ts';
import { HISTORY_START_MS } from '../support/instants.ts';
import { describeWithRedis } from '../support/with-redis.ts';
import { runRaces, type Races } from './compaction-races.ts';

const HERE = { rounds: 500, keys: 200, isInOrder: true };
const REMOTE = { rounds: 3_334, keys: 60, isInOrder: false };
const REMOTE_MS_MAX = 600_000;
const [seed = 0] = seedsToTry('compaction races', 1);

async function expectNothingLost(subject: StoreSubject, size: Omit<Races, 'seed'>): Promise<void> {
  const place = await subject.makePlace();
  const store = await place.open();
  try {
    const { interleavings, removed, dropped, unanswered, wrong } = await runRaces(store, { seed, ...size });
    console.log(`seed ${seed}: ${interleavings} interleavings, ${removed} removed, ${dropped} results dropped`);
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(interleavings).toBeGreaterThanOrEqual((size.rounds * size.keys) / (size.isInOrder ? 1 : 2.1));
    expect(unanswered).toBeLessThan(interleavings / 50);
    // Otherwise nothing was at stake.
    expect(removed).toBeGreaterThan(interleavings / 100);
    expect(dropped).toBeGreaterThan(interleavings / 100);
  } finally {
    await store.close();
    await place.dispose();
  }
}

describe('compaction racing with claims, renewals, takeovers and completes', () => {
  test('never takes anything early on the memory store', async () => expectNothingLost(memorySubject, HERE), 60_000);
  test('never takes anything early on SQLite', async () => expectNothingLost(sqliteSubject, HERE), 120_000);
  test('never takes anything early on Postgres', async () => expectNothingLost(postgresSubject, REMOTE), REMOTE_MS_MAX);
  describeWithRedis('on Redis', () => {
    test.each([redisSubject, redisClusterSubject])(
      'never takes anything early: $name',
      async (subject) => expectNothingLost(subject, REMOTE),
      REMOTE_MS_MAX,
    );
  });

  test.each([true, false])('a store that compacts by a clock one millisecond fast is found out', async (isInOrder) => {
    const memory = createMemoryStore();
    const fast: Store = {
      ...memory,
      compact: async (request, options) =>
        memory.compact(request, { nowMs: addMs(options?.nowMs ?? HISTORY_START_MS, durationMs(1)) }),
    };
    const { wrong } = await runRaces(fast, { seed, rounds: 100, keys: 100, isInOrder });
    expect(wrong.length).toBeGreaterThan(0);
  });
});
