// The table of DESIGN.md 3 and the errors of 6 over real gRPC, whichever store is behind it. A store's own test is three lines.

import { afterAll, beforeAll, describe } from 'vitest';
import type { StorePlace, StoreSubject } from '../../conformance/subject.ts';
import { scenesOn } from '../scene.ts';
import { beginTable } from './begin.ts';
import { errorTable } from './errors.ts';
import { holderTable } from './holder.ts';
import { remoteTable } from './remote.ts';
import { waitTable } from './wait.ts';

export function describeTable(subject: StoreSubject): void {
  describe(`over ${subject.name}`, () => {
    // Keeps the one real server of the file from ending between two scenes.
    let place: StorePlace;
    beforeAll(async () => {
      place = await subject.makePlace();
    });
    afterAll(async () => place.dispose());
    const open = scenesOn(subject);

    beginTable(open);
    holderTable(open);
    waitTable(open);
    errorTable(open);
    if (subject.pushesChanges === true) remoteTable(() => place);
  });
}
