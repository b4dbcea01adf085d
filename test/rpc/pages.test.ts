// Page tokens: each is good for the filter that it was made for, on every server of the store, and none can be made up.
// Pages that a store leaves empty are read on within a call, for a while.

import { create } from '@bufbuild/protobuf';
import { status as Code } from '@grpc/grpc-js';
import { expect, test, vi } from 'vitest';
import {
  ExportRecordsRequestSchema,
  ListRecordsRequestSchema,
  PurgeRecordsRequestSchema,
} from '../../proto/gen/onced/v1/admin_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import { exportRecords, purgeRecords } from '../../server/admin/purge.ts';
import { listRecords } from '../../server/admin/records.ts';
import type { CallContext, Engine } from '../../server/context.ts';
import { limits } from '../../server/limits.ts';
import { ANONYMOUS } from '../../server/principal.ts';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { makeFolder } from '../support/onced.ts';
import { requestsIn } from '../support/requests.ts';
import { openManaged, type Managed } from './managed.ts';
import { refusal } from './scene.ts';

const filterOf = ({ namespace }: Managed) => ({
  namespace,
  keyPrefix: 'k',
  owner: 'worker',
  states: [IntentState.IN_PROGRESS],
});

async function firstToken(scene: Managed): Promise<string> {
  for (let index = 0; index < 5; index += 1) await scene.acquire({ key: `k${index}`, owner: 'worker' });
  const page = await scene.admin.listRecords({ filter: filterOf(scene), pageSize: 2 });
  expect(page.records).toHaveLength(2);
  return page.nextPageToken;
}

test('a token goes on where its page ended, on another server of the store too, and under another page size', async () => {
  await using scene = await openManaged({ servers: 2 });
  const pageToken = await firstToken(scene);
  const [, other] = scene.servers;
  const rest = await other?.admin.listRecords({ filter: filterOf(scene), pageSize: 10, pageToken });
  expect(rest?.records).toHaveLength(3);
  expect(rest?.nextPageToken).toBe('');
});

test('a token under any other filter, changed or made up, is refused by name before the store is asked', async () => {
  await using scene = await openManaged();
  const pageToken = await firstToken(scene);
  const filter = filterOf(scene);
  const others = [
    { ...filter, namespace: 'other' },
    { ...filter, keyPrefix: 'k1' },
    { ...filter, owner: 'another' },
    { ...filter, states: [] },
    { ...filter, ageMin: { seconds: 1n, nanos: 0 } },
    { ...filter, includeExpired: true },
  ];
  for (const changed of others) {
    expect((await refusal(scene.admin.listRecords({ filter: changed, pageToken }))).fields).toEqual(['page_token']);
  }
  const bytes = Buffer.from(pageToken, 'base64url');
  const tampered = Buffer.concat([bytes.subarray(0, 32), Buffer.from('elsewhere')]);
  for (const made of [tampered.toString('base64url'), Buffer.alloc(60, 'a').toString('base64url'), 'x', '%%%']) {
    expect((await refusal(scene.admin.listRecords({ filter, pageToken: made }))).fields).toEqual(['page_token']);
  }
});

/** A real store that tells of its listing's steps before they are taken. */
const watched = (store: Store, onStep: (after: string | undefined) => void): Store => ({
  ...store,
  async list(request, options) {
    onStep(request.after);
    return store.list(request, options);
  },
});

test('what stands far back in SQLite comes by one call or few, not by one for each step of the store', async () => {
  await using folder = await makeFolder();
  const store = await openSqliteStore({ path: `${folder.path}/onced.db` });
  let steps = 0;
  await using scene = await openManaged({ store, wrap: (inner) => watched(inner, () => (steps += 1)) });
  const { claimOf } = requestsIn(scene.namespace);
  const others = Array.from({ length: 40_000 }, (_, index) => claimOf(`other-${index}`));
  await Promise.all(others.map(async (claim) => store.claim(claim)));
  await store.claim(claimOf('last'));
  const filter = { namespace: scene.namespace, keyPrefix: 'last' };
  let page = await scene.admin.listRecords({ filter });
  let calls = 1;
  for (; page.records.length === 0 && page.nextPageToken !== ''; calls += 1) {
    page = await scene.admin.listRecords({ filter, pageToken: page.nextPageToken });
  }
  expect(page.records.map(({ summary }) => summary?.key)).toEqual(['last']);
  expect(page.nextPageToken).toBe('');
  expect(calls).toBeLessThan(steps / 2);
});

/** A real store whose pages have all become empty, and none is the last. */
function endless(onStep: (after: string | undefined) => void): Store {
  const base = createMemoryStore();
  let steps = 0;
  const inner: Store = {
    ...base,
    list: async (_, options) => ({ records: [], nowMs: (await base.stats(options)).nowMs, next: String((steps += 1)) }),
  };
  return watched(inner, onStep);
}

const callOf = (call: Partial<CallContext>): CallContext => ({
  deadlineMs: undefined,
  signal: undefined,
  principal: ANONYMOUS,
  ...call,
});

const STEP_MS = 10;

test.each([
  { until: 'its bound', deadlineInMs: undefined, steps: limits.searchMsMax / STEP_MS },
  { until: 'its deadline is near', deadlineInMs: 100, steps: (100 - limits.deadlineMarginMs) / STEP_MS },
  { until: 'its first step when its deadline is that near', deadlineInMs: limits.deadlineMarginMs, steps: 1 },
])(
  'a search that finds nothing goes on until $until, and the next call from there',
  async ({ deadlineInMs, steps }) => {
    const after: (string | undefined)[] = [];
    // Whole, so that ten steps of ten are a hundred: the bound is met to the bit.
    let clockMs = Math.ceil(performance.now());
    const store = endless((cursor) => {
      after.push(cursor);
      clockMs += STEP_MS;
    });
    await using scene = await openManaged({ store });
    const { engine } = scene.server;
    const filter = { namespace: scene.namespace };
    const search = async (pageToken: string) => {
      const deadlineMs = deadlineInMs === undefined ? undefined : clockMs + deadlineInMs;
      return listRecords(engine, create(ListRecordsRequestSchema, { filter, pageToken }), callOf({ deadlineMs }));
    };
    vi.spyOn(performance, 'now').mockImplementation(() => clockMs);
    try {
      const { records, nextPageToken } = await search('');
      expect(records).toEqual([]);
      expect(after).toEqual([undefined, ...Array.from({ length: steps - 1 }, (_, index) => String(index + 1))]);
      await search(nextPageToken);
      expect(after[steps]).toBe(String(steps));
    } finally {
      vi.restoreAllMocks();
    }
  },
);

type Reading = (engine: Engine, namespace: string, call: CallContext) => Promise<unknown>;
const READINGS: Readonly<Record<string, Reading>> = {
  async search(engine, namespace, call) {
    return listRecords(engine, create(ListRecordsRequestSchema, { filter: { namespace } }), call);
  },
  async count(engine, namespace, call) {
    const request = create(PurgeRecordsRequestSchema, { filter: { namespace }, dryRun: true });
    for await (const { matched } of purgeRecords(engine, request, call)) expect(matched).toBe(0n);
  },
  async export(engine, namespace, call) {
    const request = create(ExportRecordsRequestSchema, { filter: { namespace } });
    for await (const { records } of exportRecords(engine, request, call)) expect(records).toEqual([]);
  },
};

test.each(Object.entries(READINGS))('a %s that finds nothing ends when its caller hangs up', async (_, read) => {
  await using scene = await openManaged({ store: endless(() => undefined) });
  const hangUp = new AbortController();
  setImmediate(() => hangUp.abort());
  await expect(read(scene.server.engine, scene.namespace, callOf({ signal: hangUp.signal }))).rejects.toMatchObject({
    code: Code.CANCELLED,
  });
});
