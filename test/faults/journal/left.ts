// What a server leaves that has kept outcomes while its store was down, and the writing of that by another process.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { OnStoreOutage } from '../../../proto/gen/onced/v1/admin_pb.js';
import { FailKind } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { CONFLICTS, type Conflict } from '../../../server/journal/conflicts.ts';
import type { Key, Namespace } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { openManaged } from '../../rpc/managed.ts';
import { bytes, ms } from '../../rpc/scene.ts';
import { faultyStore } from '../../support/faulty-store.ts';
import { openAt, type Left } from './start.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
const LEASE = { lease: ms(3_600_000) };
const KEYS = ['completed', 'failed', 'under-way', 'had-outcome', 'held', 'held-checkpoint', 'other-holds', 'released'];

/** A store and the journal of an outage with one row of every sort; the namespace. */
export async function leaveJournal({ main, journal }: Left): Promise<Namespace> {
  const faulty = faultyStore(await openAt(main));
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

/** Writes the journal in a process of its own, which kills itself behind this step; undefined: it does not. What it said. */
export async function replayIn({ main, journal }: Left, killAfter?: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: 30_000, killSignal: 'SIGTERM' } as const;
    execFile(process.execPath, [CHILD, main, journal, String(killAfter)], options, (error, stdout, stderr) => {
      const isAsAsked = killAfter === undefined ? error === null : error?.signal === 'SIGKILL';
      if (isAsAsked) resolve(stdout);
      else reject(new Error(`the child ended with ${error?.code ?? error?.signal}: ${stdout} ${stderr}`));
    });
  });
}

/** All that must be the same however often the writing was interrupted. */
export async function whatStands({ main }: Left, namespace: Namespace): Promise<object> {
  const store = await openAt(main);
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
    const own = conflicts.map(({ revision, value }) => ({ revision, ...(JSON.parse(value) as Conflict) }));
    const listed = own.filter((conflict) => conflict.namespace === namespace);
    return { records, conflicts: listed.map(({ revision, key }) => `${revision} ${key}`).toSorted() };
  } finally {
    await store.close();
  }
}
