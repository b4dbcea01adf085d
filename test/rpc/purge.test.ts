// A purge of many records: it tells how far it is, may be interrupted and called again, and leaves what is not meant.

import { create } from '@bufbuild/protobuf';
import { status as Code, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { PurgeRecordsRequestSchema, type PurgeRecordsResponse } from '../../proto/gen/onced/v1/admin_pb.js';
import { durationMs, epochMs, type Namespace, type Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { requestsIn } from '../support/requests.ts';
import { makeFolder } from '../support/onced.ts';
import { openManaged, type Managed } from './managed.ts';

const RECORDS = 20_000;
const AT_ONCE = 2000;
const HOUR_MS = 3_600_000;

/** Orphans of an hour ago, and one key whose lease is live. */
async function seed(store: Store, namespace: Namespace): Promise<void> {
  const { claimOf } = requestsIn(namespace);
  const nowMs = epochMs(Date.now() - HOUR_MS);
  for (let done = 0; done < RECORDS; done += AT_ONCE) {
    const keys = Array.from({ length: AT_ONCE }, (_, index) => `old-${done + index}`);
    await Promise.all(keys.map(async (key) => store.claim(claimOf(key), { nowMs })));
  }
  await store.claim({ ...claimOf('live'), leaseMs: durationMs(HOUR_MS) });
}

interface Purge {
  readonly answers: readonly PurgeRecordsResponse[];
  /** 0 when it went to its end. */
  readonly code: number;
}

/** Runs a purge; hangs up as soon as `isEnough` says so. */
async function purge(
  { admin, namespace }: Managed,
  isEnough: (removed: bigint) => boolean,
  { expectedCount = 0n, force = false }: { readonly expectedCount?: bigint; readonly force?: boolean } = {},
): Promise<Purge> {
  const raw = admin.raw as unknown as Record<string, (request: object) => ClientReadableStream<PurgeRecordsResponse>>;
  const request = create(PurgeRecordsRequestSchema, { filter: { namespace }, reason: 'test', expectedCount, force });
  const stream = raw['purgeRecords']?.bind(raw)(request);
  if (stream === undefined) throw new Error('no method purgeRecords');
  const answers: PurgeRecordsResponse[] = [];
  const code = await new Promise<number>((resolve) => {
    stream.on('data', (answer: PurgeRecordsResponse) => {
      answers.push(answer);
      if (isEnough(answer.removed)) stream.cancel();
    });
    stream.on('end', () => resolve(0));
    stream.on('error', (error) => resolve((error as ServiceError).code));
  });
  return { answers, code };
}

async function count({ admin, namespace }: Managed): Promise<number> {
  const { records } = await admin.getStats({ namespace });
  return records.reduce((total, row) => total + Number(row.records), 0);
}

test(`${RECORDS} records: progress grows, an interrupted purge goes on when called again, a live lease stays`, async () => {
  await using folder = await makeFolder();
  const store = await openSqliteStore({ path: `${folder.path}/onced.db` });
  await using scene = await openManaged({ store });
  await seed(store, scene.namespace as Namespace);

  const first = await purge(scene, (removed) => removed >= RECORDS / 4);
  expect(first.code).toBe(Code.CANCELLED);
  const removedFirst = Number(first.answers.at(-1)?.removed);
  const growing = first.answers.map(({ removed }) => Number(removed));
  expect(growing).toEqual(growing.toSorted((a, b) => a - b));
  expect(growing.length).toBeGreaterThan(10);
  // The server notices between two batches, and writes down how far it came.
  const ended = async (): Promise<string | undefined> =>
    (await scene.admin.listAuditEvents({ namespace: scene.namespace })).events.find(
      ({ action }) => action === 'PurgeRecords.done',
    )?.after;
  await expect.poll(ended, { timeout: 30_000, interval: 50 }).toBeDefined();
  expect(JSON.parse((await ended()) ?? '')).toMatchObject({ isDone: false });
  const left = await count(scene);
  expect(left).toBeLessThanOrEqual(RECORDS + 1 - removedFirst);
  expect(left).toBeGreaterThan(RECORDS / 4);

  const second = await purge(scene, () => false);
  expect(second.code).toBe(0);
  expect(second.answers.at(-1)).toMatchObject({ done: true, removed: BigInt(left - 1), kept: 1n });
  expect(await count(scene)).toBe(1);
  const { record } = await scene.client.lookup({ namespace: scene.namespace, key: 'live' });
  expect(record?.summary?.key).toBe('live');
  expect(JSON.parse((await ended()) ?? '')).toMatchObject({ isDone: true, removed: left - 1 });
}, 120_000);

test('more than were expected are not removed: neither when they are there before, nor when they come meanwhile', async () => {
  const inner = createMemoryStore();
  let beforeList = async (): Promise<void> => undefined;
  const list: Store['list'] = async (...args) => {
    await beforeList();
    return inner.list(...args);
  };
  await using scene = await openManaged({ store: { ...inner, list } });
  const { claimOf } = requestsIn(scene.namespace);
  const nowMs = epochMs(Date.now() - HOUR_MS);
  const add = async (...keys: readonly string[]): Promise<void> => {
    for (const key of keys) await inner.claim(claimOf(key), { nowMs });
  };
  await add('a', 'b', 'c');
  expect((await purge(scene, () => false, { expectedCount: 2n })).code).toBe(Code.FAILED_PRECONDITION);
  expect(await count(scene)).toBe(3);

  let lists = 0;
  // The first list counts, the second is what is removed.
  beforeList = async () => ((lists += 1) === 2 ? add('d', 'e') : undefined);
  const purged = await purge(scene, () => false, { expectedCount: 3n });
  expect(purged.code).toBe(Code.FAILED_PRECONDITION);
  expect(await count(scene)).toBe(2);

  expect(await purge(scene, () => false, { expectedCount: 2n })).toMatchObject({ code: 0 });
  expect(await count(scene)).toBe(0);
});

// As Postgres does, unless it is given a nowMs.
test.each([0, 100])(
  'a key is purged the moment after its last call, also where a store keeps it %i ms more',
  async (ms) => {
    const remove =
      (store: Store): Store['remove'] =>
      async (request, options) =>
        store.remove(request, { nowMs: epochMs((options?.nowMs ?? Date.now()) - ms) });
    await using scene = await openManaged({ wrap: (store) => ({ ...store, remove: remove(store) }) });
    const lease = await scene.acquire();
    // More than one a millisecond, so that the record's revision is ahead of the clock.
    await Promise.all(Array.from({ length: 200 }, async () => scene.client.renew(scene.holder(lease))));
    expect((await purge(scene, () => false, { force: true })).answers.at(-1)).toMatchObject({ removed: 1n, kept: 0n });
    expect((await scene.acquire()).fencingToken).toBeGreaterThan(lease.fencingToken);
  },
);
