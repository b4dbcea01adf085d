// The one suite that every store passes. A store's own test is ten lines: say how to open one, call describeStore.

import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Store } from '../../storage/contract/index.ts';
import { concerns } from './cases/index.ts';
import { createScene } from './scene.ts';
import type { OpenedStore, StoreSubject } from './subject.ts';

export type { OpenedStore, StoreSubject } from './subject.ts';

/** Registers every case against one store, which the cases share; each has a namespace and a clock of its own. */
export function describeStore(subject: StoreSubject): void {
  describe(`${subject.name} store`, () => {
    let opened: OpenedStore | undefined;
    beforeAll(async () => {
      opened = await subject.open();
    });
    afterAll(async () => {
      await opened?.dispose();
    });
    const store = (): Store => {
      if (opened === undefined) throw new Error(`${subject.name} did not open`);
      return opened.store;
    };
    for (const [concern, cases] of Object.entries(concerns)) {
      describe(concern, () => {
        for (const [sentence, prove] of Object.entries(cases)) {
          test(sentence, () => prove(createScene(store(), subject)));
        }
      });
    }
  });
}
