// Random histories and scripts for any store: the invariants of RELIABILITY.md 3.1 and the table of DESIGN.md 3 hold.

import { describe, expect, test } from 'vitest';
import { storeForAll } from '../conformance/place.ts';
import { drain } from '../conformance/scene.ts';
import type { StoreSubject } from '../conformance/subject.ts';
import { playHistory } from './history.ts';
import { seedsToTry } from './random.ts';

export { playOnAll, type DifferentialRun } from './differential.ts';

/** Plays so many histories on the store, and as many in which only the network misbehaves. */
export function describeHistories(subject: StoreSubject, histories: number): void {
  describe(`callers of the ${subject.name} store`, { timeout: 120_000 }, () => {
    const store = storeForAll(subject);

    test('whatever is lost, repeated, late or crashed, every answer is the one that the table promises', async () => {
      let calls = 0;
      for (const seed of seedsToTry(`${subject.name} histories`, histories)) {
        await drain(store());
        calls += (await playHistory(store(), seed)).calls;
      }
      expect(calls).toBeGreaterThan(10);
    });

    test('when only the network misbehaves, no key is charged twice', async () => {
      let charged = 0;
      for (const seed of seedsToTry(`calm ${subject.name} histories`, histories)) {
        await drain(store());
        const { charges } = await playHistory(store(), seed, { isCalm: true });
        expect(charges.filter((count) => count > 1)).toEqual([]);
        charged += charges.filter((count) => count === 1).length;
      }
      expect(charged).toBeGreaterThan(0);
    });
  });
}
