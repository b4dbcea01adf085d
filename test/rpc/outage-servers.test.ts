// An outage seen by two servers on one store: an attempt begins on the journal of one, and its holder speaks to the other.

import { join } from 'node:path';
import { status as Code } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { OnStoreOutage } from '../../proto/gen/onced/v1/admin_pb.js';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import type { StoreSubject } from '../conformance/subject.ts';
import { faultyStore, type FaultyStore } from '../support/faulty-store.ts';
import { makeFolder } from '../support/onced.ts';
import type { TestServer } from '../support/server.ts';
import { openManaged, type Managed } from './managed.ts';
import { bytes, ms, refusal } from './scene.ts';

const FINGERPRINTS = [{ scheme: 'raw-sha256-v1', digest: bytes('this request') }];
const OTHERS = [{ scheme: 'raw-sha256-v1', digest: bytes('another request') }];
const LEASE = ms(60_000);
const YET_TO_COME = { code: Code.UNAVAILABLE, reason: 'STORE_UNAVAILABLE' };

/** One store for both servers, each of which may lose its way to it. */
const sharedMemory: StoreSubject = {
  name: 'memory',
  allowsPeers: true,
  async makePlace() {
    const store = createMemoryStore();
    return { open: async () => ({ ...store, close: async () => undefined }), dispose: async () => undefined };
  },
};

interface Pair extends AsyncDisposable {
  readonly scene: Managed;
  readonly a: TestServer;
  readonly b: TestServer;
  /** Their ways to the store. */
  readonly aWay: FaultyStore;
  readonly bWay: FaultyStore;
  conflicts(): Promise<readonly string[]>;
}

/** `afterClaim`: what happens at each claim between the store's writing it and the server's hearing so. */
async function openPair(afterClaim: () => Promise<unknown> = async () => undefined): Promise<Pair> {
  const folder = await makeFolder();
  const ways: FaultyStore[] = [];
  let journals = 0;
  const scene = await openManaged({
    subject: sharedMemory,
    servers: 2,
    configured: { managed: { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED } },
    journal: {
      exists: () => false,
      open: async () => openSqliteStore({ path: join(folder.path, `journal-${(journals += 1)}.db`) }),
    },
    wrap(inner) {
      const way = faultyStore(inner);
      ways.push(way);
      const claim: Store['claim'] = async (...args) => {
        const written = await way.store.claim(...args);
        await afterClaim();
        return written;
      };
      return { ...way.store, claim };
    },
  });
  const [a, b] = [scene.servers[0] ?? expect.fail(), scene.servers[1] ?? expect.fail()];
  const [aWay, bWay] = [ways[0] ?? expect.fail(), ways[1] ?? expect.fail()];
  const { namespace } = scene;
  return {
    scene,
    a,
    b,
    aWay,
    bWay,
    async conflicts() {
      const { conflicts } = await scene.admin.listDegradedConflicts({ namespace });
      return conflicts.map(({ key, cause }) => `${key} ${cause}`);
    },
    async [Symbol.asyncDispose]() {
      for (const way of ways) way.set('up');
      await scene[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const untilWritten = async (server: TestServer): Promise<void> =>
  expect.poll(() => server.engine.outage.kept(), { timeout: 30_000 }).toBe(0);

/** What the store says of the key: an outcome, and for this request alone. */
/** The server that did not begin it has its store back first; the outcome stands then, and no conflict. */
async function expectWrittenInTurn(pair: Pair): Promise<void> {
  const { a, b, aWay, bWay } = pair;
  bWay.set('up');
  await untilWritten(b);
  aWay.set('up');
  await untilWritten(a);
  await expectCompleted(pair, 'receipt');
  expect(await pair.conflicts()).toEqual([]);
}

async function expectCompleted({ scene }: Pair, result: string): Promise<void> {
  const { outcome } = await scene.begin({ fingerprints: FINGERPRINTS });
  expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).toString()).toBe(result);
}

test.each([
  { which: 'new', conflicts: [] },
  { which: 'released', conflicts: [] },
  { which: 'lapsed', conflicts: ['order-1 OTHER_ATTEMPT'] },
])(
  'what its holder says at the other server before it is written is to be repeated, and then stands ($which key)',
  async ({ which, conflicts }) => {
    await using pair = await openPair();
    const { scene, a, b, aWay } = pair;
    const before = which === 'new' ? undefined : await scene.acquire({ fingerprints: FINGERPRINTS, lease: ms(1000) });
    if (before && which === 'released') await scene.client.fail({ ...scene.holder(before), kind: FailKind.RETRYABLE });
    scene.advance(1000);
    aWay.set('down');
    const lease = await scene.acquire({ fingerprints: FINGERPRINTS, lease: LEASE });
    expect(lease.degraded).toBe(true);
    const holder = scene.holder(lease);
    const complete = async () => b.client.complete({ ...holder, result: bytes('receipt') });
    const early = await refusal(complete());
    expect(early).toMatchObject(YET_TO_COME);
    expect(early.retryMs).toBeGreaterThan(0);
    expect(await refusal(b.client.fail({ ...holder, kind: FailKind.UNKNOWN }))).toMatchObject(YET_TO_COME);
    expect(await refusal(b.client.renew({ ...holder, lease: LEASE }))).toMatchObject(YET_TO_COME);
    expect(await refusal(b.client.checkpoint({ ...holder, data: bytes('step') }))).toMatchObject(YET_TO_COME);
    aWay.set('up');
    await untilWritten(a);
    expect(await complete()).toMatchObject({ journaled: false, alreadyApplied: false });
    await expectCompleted(pair, 'receipt');
    expect(await refusal(scene.begin({ fingerprints: OTHERS }))).toMatchObject({ reason: 'KEY_REUSED' });
    expect(await pair.conflicts()).toEqual(conflicts);
  },
  30_000,
);

test('its holder is told at the other server that another attempt has the key', async () => {
  await using pair = await openPair();
  const { scene, a, b, aWay } = pair;
  aWay.set('down');
  const holder = scene.holder(await scene.acquire({ lease: LEASE }));
  const { outcome } = await b.client.beginIntent({ namespace: scene.namespace, key: holder.key, attemptId: 'b-1' });
  expect(outcome.case).toBe('acquired');
  expect(await refusal(b.client.complete(holder))).toMatchObject({ reason: 'LEASE_LOST' });
  aWay.set('up');
  await untilWritten(a);
  expect(await pair.conflicts()).toEqual(['order-1 OTHER_ATTEMPT']);
});

test.each(['a', 'b'] as const)(
  'what both kept of a released key is in the store afterwards, whoever of them writes first (%s)',
  async (first) => {
    await using pair = await openPair();
    const { scene, a, b, aWay, bWay } = pair;
    const before = await scene.acquire({ fingerprints: FINGERPRINTS });
    await scene.client.fail({ ...scene.holder(before), kind: FailKind.RETRYABLE });
    for (const way of [aWay, bWay]) way.set('down');
    const holder = scene.holder(await scene.acquire({ lease: LEASE }));
    const completed = await b.client.complete({ ...holder, result: bytes('receipt') });
    expect(completed.journaled).toBe(true);
    const order =
      first === 'a'
        ? ([
            [aWay, a],
            [bWay, b],
          ] as const)
        : ([
            [bWay, b],
            [aWay, a],
          ] as const);
    for (const [way, server] of order) {
      way.set('up');
      await untilWritten(server);
    }
    await expectCompleted(pair, 'receipt');
    expect(await refusal(scene.begin({ fingerprints: OTHERS }))).toMatchObject({ reason: 'KEY_REUSED' });
    expect(await pair.conflicts()).toEqual([]);
  },
  30_000,
);

test('an outcome that the other server writes first is shown to its own request alone', async () => {
  await using pair = await openPair();
  const { scene, a, b, aWay, bWay } = pair;
  for (const way of [aWay, bWay]) way.set('down');
  const holder = scene.holder(await scene.acquire({ fingerprints: FINGERPRINTS, lease: LEASE }));
  await b.client.complete({ ...holder, result: bytes('receipt') });
  bWay.set('up');
  await untilWritten(b);
  const begin = { namespace: scene.namespace, key: holder.key };
  const other = b.client.beginIntent({ ...begin, attemptId: 'b-1', fingerprints: OTHERS });
  expect(await refusal(other)).toMatchObject({ reason: 'KEY_REUSED' });
  const same = await b.client.beginIntent({ ...begin, attemptId: 'b-2', fingerprints: FINGERPRINTS });
  expect(same.outcome.case).toBe('completed');
  aWay.set('up');
  await untilWritten(a);
  await expectCompleted(pair, 'receipt');
  expect(await pair.conflicts()).toEqual([]);
}, 30_000);

test('an attempt that had reached the store when it went away is not lost at the other server', async () => {
  await using pair = await openPair();
  const { scene, a, b, aWay } = pair;
  const attemptId = 'a-1';
  await scene.acquire({ attemptId, lease: LEASE });
  aWay.set('down');
  const holder = scene.holder(await scene.acquire({ attemptId, lease: LEASE }));
  expect(await refusal(b.client.complete(holder))).toMatchObject(YET_TO_COME);
  aWay.set('up');
  await untilWritten(a);
  expect(await b.client.complete(holder)).toMatchObject({ alreadyApplied: false });
  expect(await pair.conflicts()).toEqual([]);
}, 30_000);

test('such an attempt whose outcome the other server kept is no conflict', async () => {
  await using pair = await openPair();
  const { scene, b, aWay, bWay } = pair;
  const attemptId = 'a-1';
  await scene.acquire({ attemptId, fingerprints: FINGERPRINTS, lease: LEASE });
  for (const way of [aWay, bWay]) way.set('down');
  const lease = await scene.acquire({ attemptId, fingerprints: FINGERPRINTS, lease: LEASE });
  await b.client.complete({ ...scene.holder(lease), result: bytes('receipt') });
  await expectWrittenInTurn(pair);
}, 30_000);

test('two holders of one key that the other server heard are two attempts', async () => {
  await using pair = await openPair();
  const { scene, b, aWay, bWay } = pair;
  for (const way of [aWay, bWay]) way.set('down');
  const first = scene.holder(await scene.acquire({ lease: ms(100) }));
  await b.client.fail({ ...first, kind: FailKind.RETRYABLE });
  const second = scene.holder(await scene.acquire({ lease: LEASE, wait: ms(5000) }));
  await b.client.complete({ ...second, result: bytes('receipt') });
  await expectWrittenInTurn(pair);
}, 30_000);

test.each([
  { gapMs: 1000, told: 'inProgress', conflicts: [] },
  { gapMs: 60_000, told: 'acquired', conflicts: ['order-1 OTHER_ATTEMPT'] },
])(
  'an outcome of the outage does not vanish when somebody asks for its key while it is written ($gapMs ms)',
  async ({ gapMs, told, conflicts }) => {
    const asked = Promise.withResolvers<string | undefined>();
    let isWritten = false;
    await using pair = await openPair(async () => {
      if (!isWritten) return;
      isWritten = false;
      scene.advance(gapMs);
      asked.resolve(
        (await b.client.beginIntent({ ...key, attemptId: 'b-1', fingerprints: FINGERPRINTS })).outcome.case,
      );
    });
    const { scene, a, b, aWay } = pair;
    const key = { namespace: scene.namespace, key: 'order-1' };
    aWay.set('down');
    const lease = await scene.acquire({ fingerprints: FINGERPRINTS, lease: ms(100) });
    await scene.client.complete({ ...scene.holder(lease), result: bytes('receipt') });
    isWritten = true;
    aWay.set('up');
    await untilWritten(a);
    expect(await asked.promise).toBe(told);
    await expectCompleted(pair, 'receipt');
    expect(await pair.conflicts()).toEqual(conflicts);
  },
  30_000,
);

test.each(['completed', 'released', 'under way'] as const)(
  'an attempt whose degraded answer was lost is its holder’s at the other server, and no conflict (%s there)',
  async (how) => {
    await using pair = await openPair();
    const { scene, a, b, aWay } = pair;
    const begin = { namespace: scene.namespace, key: 'order-1', attemptId: 'a-1', fingerprints: FINGERPRINTS };
    aWay.set('down');
    await scene.acquire({ ...begin, lease: LEASE });
    const { outcome } = await b.client.beginIntent({ ...begin, lease: LEASE });
    if (outcome.case !== 'acquired') return expect.fail();
    const holder = scene.holder(outcome.value);
    const complete = async () => b.client.complete({ ...holder, result: bytes('receipt') });
    if (how === 'completed') await complete();
    if (how === 'released') await b.client.fail({ ...holder, kind: FailKind.RETRYABLE });
    scene.advance(1);
    if (how === 'under way') await b.client.checkpoint({ ...holder, data: bytes('step'), lease: LEASE });
    aWay.set('up');
    await untilWritten(a);
    if (how === 'under way') await complete();
    if (how === 'released') expect((await scene.acquire({ ...begin, attemptId: 'b-1' })).attempt).toBe(2);
    else await expectCompleted(pair, 'receipt');
    expect(await pair.conflicts()).toEqual([]);
  },
  30_000,
);

test('a release that the server kept is no conflict where another has taken over meanwhile', async () => {
  await using pair = await openPair();
  const { scene, a, b, aWay } = pair;
  const lease = await scene.acquire({ lease: ms(1000) });
  aWay.set('down');
  const failed = await scene.client.fail({ ...scene.holder(lease), kind: FailKind.RETRYABLE });
  expect(failed.journaled).toBe(true);
  scene.advance(1000);
  await b.client.beginIntent({ namespace: scene.namespace, key: 'order-1', attemptId: 'b-1' });
  aWay.set('up');
  await untilWritten(a);
  expect(await pair.conflicts()).toEqual([]);
}, 30_000);

test('an outcome that was kept stands where an operator had released its attempt', async () => {
  await using pair = await openPair();
  const { scene, a, b, aWay } = pair;
  const begin = { attemptId: 'a-1', fingerprints: FINGERPRINTS, lease: LEASE };
  await scene.acquire(begin);
  aWay.set('down');
  const lease = await scene.acquire(begin);
  await scene.client.complete({ ...scene.holder(lease), result: bytes('receipt') });
  const key = { namespace: scene.namespace, key: 'order-1' };
  const resolution = { case: 'released', value: {} } as const;
  await b.admin.resolveIntent({ ...key, reason: 'looks dead', force: true, resolution });
  aWay.set('up');
  await untilWritten(a);
  await expectCompleted(pair, 'receipt');
  expect(await pair.conflicts()).toEqual([]);
}, 30_000);
