// The one suite that every store passes. A store's own test is ten lines: say how to make a place, call describeStore.

import { describe, test } from 'vitest';
import { concernsOf } from './cases/index.ts';
import { storeForAll } from './place.ts';
import { createScene } from './scene.ts';
import type { StoreSubject } from './subject.ts';

export type { StorePlace, StoreSubject } from './subject.ts';

/** Registers every case against one store, which the cases share; each has a namespace and a clock of its own. */
export function describeStore(subject: StoreSubject): void {
  describe(`${subject.name} store`, () => {
    const store = storeForAll(subject);
    for (const [concern, cases] of Object.entries(concernsOf(subject))) {
      describe(concern, () => {
        for (const [sentence, prove] of Object.entries(cases)) {
          test(sentence, () => prove(createScene(store(), subject)));
        }
      });
    }
  });
}
