// The suite and the histories notice every wrong store. Were they blind to one of these, they would prove nothing.

import { describe, expect, test } from 'vitest';
import { concernsOf } from '../conformance/cases/index.ts';
import { createScene } from '../conformance/scene.ts';
import type { StoreSubject } from '../conformance/subject.ts';
import { playHistory, type HistoryOptions } from './history.ts';
import { mutants, type Mutant } from './mutants.ts';

const SEEDS_MAX = 400;

describe('the suite notices a store where', () => {
  for (const mutant of mutants) {
    test(mutant.fault, async () => {
      expect(await brokenSentences(mutant)).not.toEqual([]);
    });
  }
});

describe('the histories notice a store where', () => {
  for (const mutant of mutants.filter(({ harm }) => harm !== 'nothing')) {
    test(mutant.fault, async () => {
      await expect(playUntilBroken(mutant)).rejects.toThrow();
    });
  }
});

describe('the invariants alone name the promise that is broken where', () => {
  for (const mutant of mutants) {
    const { fault, harm } = mutant;
    if (typeof harm === 'string') continue;
    test(fault, async () => {
      await expect(playUntilBroken(mutant, { isWithoutSpec: true })).rejects.toThrow(`BrokenPromise: ${harm.broken}`);
    });
  }
});

/** The sentences of the mutant's concern that do not hold for it. */
async function brokenSentences(mutant: Mutant): Promise<readonly string[]> {
  const makePlace = async () => ({ open: async () => mutant.open(), dispose: async () => undefined });
  const subject: StoreSubject = { name: mutant.fault, makePlace };
  const broken: string[] = [];
  for (const [sentence, prove] of Object.entries(concernsOf(subject)[mutant.concern] ?? {})) {
    await prove(createScene(mutant.open(), subject)).catch(() => broken.push(sentence));
  }
  return broken;
}

async function playUntilBroken(mutant: Mutant, options?: HistoryOptions): Promise<void> {
  for (let seed = 0; seed < SEEDS_MAX; seed += 1) await playHistory(mutant.open(), seed, options);
}
