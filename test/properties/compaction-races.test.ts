// 100,000 interleavings of compaction with other writes on each store.

import { describe, expect, test } from 'vitest';
import { addMs, durationMs, type Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { sqliteSubject } from '../conformance/subjects/sqlite.ts';
import { seedsToTry } from '../model/random.ts';
import { HISTORY_START_MS } from '../support/instants.ts';
import { runRaces } from './compaction-races.ts';

const SIZE = { rounds: 500, keys: 200 };
const [seed = 0] = seedsToTry('compaction races', 1);

async function expectNothingLost(store: Store): Promise<void> {
  const { interleavings, removed, dropped, wrong } = await runRaces(store, { seed, ...SIZE });
  console.log(`seed ${seed}: ${interleavings} interleavings, ${removed} removed, ${dropped} results dropped`);
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(interleavings).toBeGreaterThanOrEqual(100_000);
  // Otherwise nothing was at stake.
  expect(removed).toBeGreaterThan(1000);
  expect(dropped).toBeGreaterThan(1000);
}

describe('compaction racing with claims, renewals, takeovers and completes', () => {
  test('never takes anything early on the memory store', async () => {
    await expectNothingLost(createMemoryStore());
  }, 60_000);

  test('never takes anything early on SQLite', async () => {
    const place = await sqliteSubject.makePlace();
    const store = await place.open();
    try {
      await expectNothingLost(store);
    } finally {
      await store.close();
      await place.dispose();
    }
  }, 120_000);

  test('a store that compacts by a clock one millisecond fast is found out', async () => {
    const memory = createMemoryStore();
    const fast: Store = {
      ...memory,
      compact: async (request, options) =>
        memory.compact(request, { nowMs: addMs(options?.nowMs ?? HISTORY_START_MS, durationMs(1)) }),
    };
    const { wrong } = await runRaces(fast, { seed, rounds: 100, keys: 100 });
    expect(wrong.length).toBeGreaterThan(0);
  });
});
