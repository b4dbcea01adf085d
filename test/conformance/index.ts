// The one suite that every store passes. A store's own test is ten lines: say how to make a place, call describeStore.

import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Store } from '../../storage/contract/index.ts';
import { concernsOf } from './cases/index.ts';
import { createScene } from './scene.ts';
import type { StorePlace, StoreSubject } from './subject.ts';

export type { StorePlace, StoreSubject } from './subject.ts';

/** Registers every case against one store, which the cases share; each has a namespace and a clock of its own. */
export function describeStore(subject: StoreSubject): void {
  describe(`${subject.name} store`, () => {
    let place: StorePlace;
    let store: Store;
    beforeAll(async () => {
      place = await subject.makePlace();
      store = await place.open();
    });
    afterAll(async () => {
      await store.close();
      await place.dispose();
    });
    for (const [concern, cases] of Object.entries(concernsOf(subject))) {
      describe(concern, () => {
        for (const [sentence, prove] of Object.entries(cases)) {
          test(sentence, () => prove(createScene(store, subject)));
        }
      });
    }
  });
}
