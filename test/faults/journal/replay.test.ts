// A server that is killed at any step of writing its journal into the store, and started again: nothing that it had
// acknowledged is lost, nothing is applied twice, and each conflict is listed once.

import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { OnStoreOutage } from '../../../proto/gen/onced/v1/admin_pb.js';
import { FailKind } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { CONFLICTS } from '../../../server/journal/conflicts.ts';
import type { Key, Namespace } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { openManaged } from '../../rpc/managed.ts';
import { bytes, ms } from '../../rpc/scene.ts';
import { faultyStore } from '../../support/faulty-store.ts';
import { makeFolder } from '../../support/onced.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
const LEASE = { lease: ms(3_600_000) };
const KEYS = ['completed', 'failed', 'under-way', 'had-outcome', 'held', 'held-checkpoint', 'other-holds', 'released'];

const filesIn = (folder: string): { main: string; journal: string } => ({
  main: join(folder, 'main.db'),
  journal: join(folder, 'journal.db'),
});

/** A store and the journal of an outage with one row of every sort; the namespace. */
async function makeTemplate(folder: string): Promise<Namespace> {
  const { main, journal } = filesIn(folder);
  const faulty = faultyStore(await openSqliteStore({ path: main }));
  await using scene = await openManaged({
    store: faulty.store,
    policy: { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED },
    journal: { exists: () => false, open: async () => openSqliteStore({ path: journal }) },
  });
  const complete = async (key: string, lease: Awaited<ReturnType<typeof scene.acquire>>): Promise<boolean> =>
    (await scene.client.complete({ ...scene.holder(lease, key), result: bytes(`result of ${key}`) })).journaled;
  await complete('had-outcome', await scene.acquire({ key: 'had-outcome' }));
  const held = await scene.acquire({ key: 'held', ...LEASE });
  const saving = await scene.acquire({ key: 'held-checkpoint', ...LEASE });
  await scene.acquire({ key: 'other-holds', ...LEASE });
  faulty.set('down');
  for (const key of ['completed', 'had-outcome', 'other-holds']) {
    expect(await complete(key, await scene.acquire({ key, ...LEASE }))).toBe(true);
  }
  expect(await complete('held', held)).toBe(true);
  await scene.client.checkpoint({ ...scene.holder(saving, 'held-checkpoint'), data: bytes('saved') });
  const error = { code: 'NO_FUNDS', message: 'refused' };
  const failed = await scene.acquire({ key: 'failed', ...LEASE });
  await scene.client.fail({ ...scene.holder(failed, 'failed'), kind: FailKind.FINAL, error });
  const released = await scene.acquire({ key: 'released', ...LEASE });
  await scene.client.fail({ ...scene.holder(released, 'released'), kind: FailKind.RETRYABLE });
  const underWay = await scene.acquire({ key: 'under-way', ...LEASE });
  await scene.client.checkpoint({ ...scene.holder(underWay, 'under-way'), ...LEASE, data: bytes('half') });
  expect(scene.server.engine.outage.kept()).toBe(KEYS.length);
  return scene.namespace as Namespace;
}

interface Ended {
  readonly isKilled: boolean;
  readonly said: string;
}

async function replayIn(folder: string, killAt: number, when: 'before' | 'after'): Promise<Ended> {
  const { main, journal } = filesIn(folder);
  return new Promise((resolve, reject) => {
    const options = { timeout: 30_000, killSignal: 'SIGTERM' } as const;
    execFile(process.execPath, [CHILD, main, journal, String(killAt), when], options, (error, stdout, stderr) => {
      if (error === null) resolve({ isKilled: false, said: stdout });
      else if (error.signal === 'SIGKILL') resolve({ isKilled: true, said: stdout });
      else reject(new Error(`the child ended with ${error.code ?? error.signal}: ${stderr}`));
    });
  });
}

/** All that must be the same however often the writing was interrupted. */
async function whatStands(folder: string, namespace: Namespace): Promise<object> {
  const store = await openSqliteStore({ path: filesIn(folder).main });
  try {
    const records = await Promise.all(
      KEYS.map(async (key) => {
        const { record } = await store.read({ namespace, key: key as Key, includeResult: true });
        if (record === undefined) return { key, state: 'lost' };
        const { state, attempt, result, checkpoint, error } = record;
        return {
          key,
          state,
          attempt,
          result: Buffer.from(result ?? []).toString(),
          checkpoint: checkpoint === undefined ? undefined : Buffer.from(checkpoint).toString(),
          error: error?.code,
          // A claim starts at the clock, each further write adds one.
          writes: record.revision - record.holdStartMs,
        };
      }),
    );
    const conflicts = await store.registry.list({ collection: CONFLICTS, limit: 100 });
    return { records, conflicts: conflicts.map(({ revision, value }) => `${revision} ${keyOf(value)}`).toSorted() };
  } finally {
    await store.close();
  }
}

const keyOf = (value: string): string => (JSON.parse(value) as { key: string }).key;

test('killed at every step of the replay, the next start ends with the same store as one that was never killed', async () => {
  await using folder = await makeFolder();
  const template = join(folder.path, 'template');
  await mkdir(template);
  const namespace = await makeTemplate(template);
  const copy = async (name: string): Promise<string> => {
    const place = join(folder.path, name);
    await cp(template, place, { recursive: true });
    return place;
  };
  const whole = await copy('whole');
  const { said } = await replayIn(whole, 0, 'before');
  const { steps, left } = JSON.parse(said) as { steps: number; left: number };
  expect(left).toBe(0);
  const expected = await whatStands(whole, namespace);
  expect(expected).toMatchObject({
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
  });
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
}, 240_000);
