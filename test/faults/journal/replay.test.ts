// A server that is killed at any step of writing its journal into the store, and started again: nothing that it had
// acknowledged is lost, nothing is applied twice, and each conflict is listed once.

import { randomUUID } from 'node:crypto';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Namespace } from '../../../storage/contract/index.ts';
import { createRandom, seedsToTry } from '../../model/random.ts';
import { makeFolder } from '../../support/onced.ts';
import { startPostgres } from '../../support/postgres.ts';
import { startRedis } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { leaveJournal, replayIn, whatStands, type Left } from './left.ts';

/** Kills on each store across a socket; SQLite is killed at every step. */
const SOME = 3;

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

test('killed at every step of the replay, the next start ends with the same store as one that was never killed', async () => {
  await using folder = await makeFolder();
  const leftIn = (name: string): Left => ({
    main: `sqlite:${join(folder.path, name, 'main.db')}`,
    journal: join(folder.path, name, 'journal.db'),
  });
  await mkdir(join(folder.path, 'template'));
  const namespace = await leaveJournal(leftIn('template'));
  const copy = async (name: string): Promise<Left> => {
    await cp(join(folder.path, 'template'), join(folder.path, name), { recursive: true });
    return leftIn(name);
  };
  const whole = await copy('whole');
  const { said } = await replayIn(whole, 0, 'before');
  const { steps, left } = JSON.parse(said) as { steps: number; left: number };
  expect(left).toBe(0);
  const expected = await whatStands(whole, namespace);
  expect(expected).toMatchObject(EXPECTED);
  expect(steps).toBeGreaterThan(15);
  console.log(`${steps} steps, killed before the first and after each`);
  // After one step is before the next.
  const kills = Array.from({ length: steps }, (_, index) => ({ step: index + 1, when: 'after' as const }));
  for (const { step, when } of [{ step: 1, when: 'before' as const }, ...kills]) {
    const place = await copy(`${when}-${step}`);
    expect((await replayIn(place, step, when)).isKilled).toBe(true);
    const again = await replayIn(place, 0, when);
    expect(JSON.parse(again.said)).toMatchObject({ left: 0 });
    expect(await whatStands(place, namespace), `killed ${when} step ${step}`).toEqual(expected);
  }
}, 360_000);

describe('killed at some steps of the replay, the next start ends with nothing lost and nothing twice', () => {
  test('on Postgres', async () => {
    const server = await startPostgres();
    try {
      await killAtSome(async () => server.createDatabase());
    } finally {
      await server.dispose();
    }
  }, 120_000);

  describeWithRedis('with Redis', () => {
    test('on Redis', async () => {
      const server = await startRedis();
      try {
        await killAtSome(async () => `${server.url}?prefix=${randomUUID()}`);
      } finally {
        await server.dispose();
      }
    }, 120_000);
  });
});

async function killAtSome(makePlace: () => Promise<string>): Promise<void> {
  const [seed = 0] = seedsToTry('journal replay', 1);
  const random = createRandom(seed);
  await using folder = await makeFolder();
  const leave = async (name: string): Promise<{ left: Left; namespace: Namespace }> => {
    const left = { main: await makePlace(), journal: join(folder.path, `${name}.db`) };
    return { left, namespace: await leaveJournal(left) };
  };
  const whole = await leave('whole');
  const { steps } = JSON.parse((await replayIn(whole.left, 0, 'before')).said) as { steps: number };
  const expected = await whatStands(whole.left, whole.namespace);
  expect(expected).toMatchObject(EXPECTED);
  for (let kill = 0; kill < SOME; kill += 1) {
    const step = random.between(1, steps);
    const { left, namespace } = await leave(`kill-${kill}`);
    expect((await replayIn(left, step, 'after')).isKilled).toBe(true);
    expect(JSON.parse((await replayIn(left, 0, 'after')).said)).toMatchObject({ left: 0 });
    expect(await whatStands(left, namespace), `killed after step ${step}`).toEqual(expected);
  }
}
