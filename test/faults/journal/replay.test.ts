// A server that is killed at any step of writing its journal into the store, and started again: nothing that it had
// acknowledged is lost, nothing is applied twice, and each conflict is listed once.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PLACES, type PlaceKind } from '../../servers/places.ts';
import { makeFolder } from '../../support/onced.ts';
import { describeWith } from '../../support/with-package.ts';
import { leaveJournal, replayIn, whatStands } from './left.ts';
import { writeJournal, type Left } from './start.ts';

const EXPECTED = {
  records: [
    { state: 'COMPLETED', attempt: 1, result: 'result of completed' },
    { state: 'FAILED', error: 'NO_FUNDS' },
    { state: 'IN_PROGRESS', checkpoint: 'half' },
    { state: 'COMPLETED', result: 'result of had-outcome' },
    { state: 'COMPLETED', result: 'result of held' },
    { state: 'IN_PROGRESS', checkpoint: 'saved' },
    { state: 'COMPLETED', result: 'result of other-holds' },
    { state: 'RELEASED', attempt: 1 },
  ],
  conflicts: ['1 had-outcome', '1 other-holds'],
};

/** A cluster runs the scripts of Redis. */
const KINDS = PLACES.filter(({ name }) => name !== 'redis-cluster');

for (const kind of KINDS) {
  const tests = (): void =>
    test('killed at every step of the replay, the next start ends as one that was never killed', async () => {
      await killAtEveryStep(kind);
    }, 120_000);
  if (kind.needs === undefined) describe(kind.name, tests);
  else describeWith(kind.needs, kind.name, tests);
}

async function killAtEveryStep(kind: PlaceKind): Promise<void> {
  await using folder = await makeFolder();
  const place = await kind.open();
  try {
    // One store for all: each outage has a namespace and a journal of its own.
    const leftAt = (name: string): Left => ({ main: place.url, journal: join(folder.path, `${name}.db`) });
    const whole = leftAt('whole');
    const namespace = await leaveJournal(whole);
    const { steps, left } = JSON.parse(await replayIn(whole)) as { steps: number; left: number };
    expect(left).toBe(0);
    const expected = await whatStands(whole, namespace);
    expect(expected).toMatchObject(EXPECTED);
    expect(steps).toBeGreaterThan(15);
    for (let step = 0; step <= steps; step += 1) {
      const killed = leftAt(`killed-${step}`);
      const killedNamespace = await leaveJournal(killed);
      await replayIn(killed, step);
      expect(await writeJournal(killed)).toBe(0);
      expect(await whatStands(killed, killedNamespace), `killed behind step ${step}`).toEqual(expected);
    }
    console.log(`${kind.name}: killed before the first of ${steps} steps and behind each`);
  } finally {
    await place.dispose();
  }
}
