// Random histories against the memory store: the invariants of RELIABILITY.md 3.1 and the table of DESIGN.md 3 hold.

import { expect, test } from 'vitest';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { playHistory } from './history.ts';
import { seedsToTry } from './random.ts';

test('whatever is lost, repeated, late or crashed, every answer is the one that the table promises', async () => {
  let calls = 0;
  for (const seed of seedsToTry('histories', 3_000)) calls += (await playHistory(createMemoryStore(), seed)).calls;
  expect(calls).toBeGreaterThan(10);
});

test('when only the network misbehaves, every key that was worked on is charged exactly once', async () => {
  for (const seed of seedsToTry('calm histories', 1_000)) {
    const { charges } = await playHistory(createMemoryStore(), seed, { isCalm: true });
    expect(charges.filter((count) => count > 1)).toEqual([]);
  }
});
