// The measures that operators are promised, each walked through the event that must move it, and nothing else moves; and
// GetStats tells the same.

import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { ExportRecordsRequestSchema, OnLeaseExpiry, OnStoreOutage } from '../../proto/gen/onced/v1/admin_pb.js';
import { limits } from '../../server/limits.ts';
import { OTHER } from '../../server/namespace-labels.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { GRPC_HEADERS, openWire } from '../fuzz/wire.ts';
import { openManaged, type Managed, type PolicyInit } from '../rpc/managed.ts';
import { bytes, ms, refusal, refusalOf } from '../rpc/scene.ts';
import { faultyStore, type FaultyStore } from '../support/faulty-store.ts';

/** By measure: the series that it is read from. */
const MEASURES = {
  duplicates: /^onced_requests_total\{(?=.*rpc="BeginIntent")(?!.*outcome="(acquired|[A-Z_]+)")/,
  suspectedDuplicates: /^onced_suspected_duplicates_total\{/,
  storeErrors: /^onced_store_verbs_total\{(?!.*outcome="ok")/,
  intentToOutcome: /^onced_intent_to_outcome_seconds_count/,
  lateRetries: /^onced_late_retries_total\{/,
  orphans: /^onced_orphans /,
  orphanAge: /^onced_oldest_orphan_seconds /,
  reconciliations: /^onced_reconciliations_total\{/,
  redeliveries: /^onced_redeliveries_total\{/,
  records: /^onced_records\{/,
  bytes: /^onced_record_bytes\{/,
  waiters: /^onced_waiters /,
  sessions: /^onced_sessions /,
  compaction: /^onced_compaction_records_removed_total /,
  refusals: /^onced_admission_refused_total\{/,
  admissionWaits: /^onced_admission_wait_seconds_count\{/,
  overload: /^onced_admission_(overloaded|shedding) /,
} as const;
type Measure = keyof typeof MEASURES;
/** What the store holds, when payload comes with it. */
const GROWTH: readonly Measure[] = ['records', 'bytes'];

type Reading = Readonly<Record<Measure, string>>;

async function read({ server }: Managed): Promise<Reading> {
  const lines = (await server.metrics.registry.metrics()).split('\n');
  // A series at 0 is one that nothing has happened to.
  const seriesOf = (shape: RegExp): string =>
    lines.filter((line) => shape.test(line) && !line.endsWith(' 0')).join('\n');
  return Object.fromEntries(Object.entries(MEASURES).map(([name, shape]) => [name, seriesOf(shape)])) as Reading;
}

const names = Object.keys(MEASURES) as Measure[];
const moved = (before: Reading, after: Reading): readonly Measure[] =>
  names.filter((name) => before[name] !== after[name]);

/** Sums of the same series, as GetStats tells them. */
async function assertSameInStats(scene: Managed, reading: Reading): Promise<void> {
  const { counters } = await scene.admin.getStats({});
  const lines = counters.map(({ name, labels, value }) => {
    const shown = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
    return `${name}${shown.length === 0 ? '' : `{${shown.join(',')}}`} ${value}`;
  });
  for (const name of names) {
    // Histograms are told as latencies, and the age of an orphan goes on.
    if (name === 'intentToOutcome' || name === 'admissionWaits' || name === 'orphanAge') continue;
    const told = lines.filter((line) => MEASURES[name].test(line) && !line.endsWith(' 0'));
    expect({ name, lines: told.toSorted() }).toEqual({
      name,
      lines: reading[name].split('\n').filter(Boolean).toSorted(),
    });
  }
}

interface Stage extends Managed {
  readonly store: FaultyStore['store'];
  readonly faulty: FaultyStore;
}

interface Walk {
  readonly policy?: PolicyInit;
  /** Brings about the state before; what the event needs of it. */
  readonly before?: (stage: Stage) => Promise<unknown>;
  readonly event: (stage: Stage, prepared: never) => Promise<unknown>;
  readonly moves: readonly Measure[];
}

type HolderId = ReturnType<Managed['holder']>;
const HOLD = { onLeaseExpiry: OnLeaseExpiry.HOLD };
/** Long enough for a busy machine, and over once the clock was moved. */
const SHORT = { lease: ms(60_000) };
const PAST_SHORT_MS = 120_000;

const acquired = async (stage: Stage): Promise<HolderId> => stage.holder(await stage.acquire());
const completed = async (stage: Stage): Promise<void> => {
  await stage.client.complete({ ...(await acquired(stage)), result: bytes('paid') });
};
const orphaned = async (stage: Stage): Promise<void> => {
  await stage.acquire(SHORT);
  stage.advance(PAST_SHORT_MS);
};

/** Takes all places, as if as many operations were at the store; returns the way to give some back. */
function fill({ server }: Stage): (count: number) => void {
  const { admission } = server.engine;
  let taken = 0;
  for (; admission.state().inFlight < admission.state().limit; taken += 1) admission.enter('begin', 'busy');
  return (count) => {
    for (let left = Math.min(count, taken); left > 0; left -= 1, taken -= 1) admission.leave('begin');
  };
}

const WALKS: Readonly<Record<string, Walk>> = {
  'a fresh key': { event: async (stage) => stage.acquire(), moves: ['records'] },
  'a begin of a key that is settled': {
    before: completed,
    event: async (stage) => stage.begin(),
    moves: ['duplicates'],
  },
  'a Complete after a takeover': {
    async before(stage) {
      const late = stage.holder(await stage.acquire(SHORT));
      stage.advance(PAST_SHORT_MS);
      await stage.acquire();
      return late;
    },
    event: async (stage, late: HolderId) => refusal(stage.client.complete({ ...late, result: bytes('twice') })),
    moves: ['suspectedDuplicates'],
  },
  'an attempt without the store, whose key has another outcome there': {
    policy: { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED },
    before: completed,
    async event(stage) {
      stage.faulty.set('down');
      await completed(stage);
      stage.faulty.set('up');
      await expect.poll(() => stage.server.engine.outage.kept(), { timeout: 30_000 }).toBe(0);
    },
    moves: ['suspectedDuplicates', 'intentToOutcome', 'storeErrors'],
  },
  'a begin that waits for its turn': {
    async event(stage) {
      const leave = fill(stage);
      const begun = stage.begin();
      await expect.poll(() => stage.server.engine.admission.state().queued.begin, { timeout: 30_000 }).toBe(1);
      leave(1);
      await begun;
      leave(Infinity);
    },
    moves: ['admissionWaits', 'records'],
  },
  'an export too many': {
    async event({ server, admin }) {
      const { admission } = server.engine;
      const ends = Array.from({ length: limits.bulkStreamsMax }, () => admission.openStream('admin', ''));
      const raw = admin.raw as unknown as Record<string, (request: object) => ClientReadableStream<object>>;
      const stream = raw['exportRecords']?.bind(raw)(create(ExportRecordsRequestSchema));
      const error = await new Promise<ServiceError>((resolve) => stream?.on('error', resolve).resume());
      expect(refusalOf(error).reason).toBe('OVERLOADED');
      for (const end of ends) end();
    },
    moves: ['refusals'],
  },
  'a process at its end': {
    event: async ({ server }) =>
      expect
        .poll(
          () => {
            server.engine.admission.guard({ lagMs: 10_000, utilization: 1, heapShare: 1 });
            return server.engine.admission.state().shedding;
          },
          { timeout: 30_000 },
        )
        .toBeGreaterThan(0),
    moves: ['overload'],
  },
  'a store that refuses': {
    async event(stage) {
      stage.faulty.set('down');
      await refusal(stage.begin());
      stage.faulty.set('up');
    },
    moves: ['storeErrors'],
  },
  'an outcome': {
    before: acquired,
    event: async (stage, holder: HolderId) => stage.client.complete({ ...holder, result: bytes('paid') }),
    moves: ['intentToOutcome', ...GROWTH],
  },
  'a begin after the record has expired': {
    async before(stage) {
      await stage.client.complete({ ...(await acquired(stage)), ttl: ms(1000) });
      stage.advance(2000);
    },
    event: async (stage) => stage.acquire(),
    moves: ['lateRetries', 'records'],
  },
  'a lease that runs out': {
    policy: HOLD,
    before: async (stage) => stage.acquire(SHORT),
    event: async (stage) => stage.advance(PAST_SHORT_MS),
    moves: ['orphans', 'orphanAge'],
  },
  'an orphan that an operator releases': {
    policy: HOLD,
    before: orphaned,
    async event({ admin, namespace }) {
      await admin.resolveIntent({
        namespace,
        key: 'order-1',
        reason: 'test',
        resolution: { case: 'released', value: {} },
      });
    },
    moves: ['orphans', 'orphanAge', 'reconciliations', 'records'],
  },
  'an orphan that its reconciler completes': {
    policy: HOLD,
    async before(stage) {
      await orphaned(stage);
      const { orphans } = await stage.client.claimOrphans({ namespace: stage.namespace });
      return { namespace: stage.namespace, key: 'order-1', leaseToken: orphans[0]?.acquired?.leaseToken };
    },
    event: async (stage, holder: HolderId) => stage.client.complete({ ...holder, result: bytes('found') }),
    moves: ['intentToOutcome', 'reconciliations', ...GROWTH],
  },
  'a message that is delivered again': {
    before: completed,
    event: async (stage) => stage.begin({ labels: { redelivered: 'true' } }),
    moves: ['duplicates', 'redeliveries'],
  },
  'a begin that waits': {
    before: acquired,
    async event(stage) {
      void stage.begin({ wait: ms(30_000) }).catch(() => undefined);
      await expect.poll(async () => (await read(stage)).waiters, { timeout: 30_000 }).not.toBe('');
    },
    moves: ['waiters'],
  },
  'a session': {
    async event(stage) {
      const wire = openWire(stage.server.address);
      wire.session
        .request({ ...GRPC_HEADERS, ':path': '/onced.v1.IdempotencyService/Session' })
        .on('error', () => undefined);
      await expect.poll(async () => (await read(stage)).sessions, { timeout: 30_000 }).not.toBe('');
      wire.session.unref();
    },
    moves: ['sessions'],
  },
  'a compaction': {
    policy: { lateRetryGrace: ms(0) },
    async before(stage) {
      await stage.client.complete({ ...(await acquired(stage)), ttl: ms(1000) });
      stage.advance(2000);
    },
    event: async (stage) => stage.admin.runCompaction({}),
    moves: ['compaction', 'records'],
  },
};

test.each(Object.entries(WALKS))('%s moves what it should and nothing else', async (_, walk) => {
  const faulty = faultyStore(createMemoryStore());
  await using managed = await openManaged({
    store: faulty.store,
    journal: { exists: () => false, open: async () => createMemoryStore() },
    ...(walk.policy === undefined ? {} : { policy: walk.policy }),
  });
  const stage: Stage = { ...managed, faulty };
  const prepared = await walk.before?.(stage);
  const before = await read(stage);
  await walk.event(stage, prepared as never);
  const after = await read(stage);
  expect(moved(before, after).toSorted()).toEqual(walk.moves.toSorted());
  await assertSameInStats(stage, after);
});

test('every measure is moved by some event', () => {
  const all = new Set(Object.values(WALKS).flatMap(({ moves }) => moves));
  expect(names.filter((name) => !all.has(name))).toEqual([]);
});

test('a namespace without a policy of its own is told as other, in what the store holds too', async () => {
  await using scene = await openManaged({ policy: {} });
  const { engine, metrics } = scene.server;
  metrics.setNamespaceLabel((namespace) => (engine.namespaces.isRegistered(namespace) ? namespace : OTHER));
  await scene.acquire();
  for (const namespace of ['made/up', 'made/up/too']) {
    await scene.client.beginIntent({ namespace, key: 'k', attemptId: randomUUID() });
  }
  const { records } = await read(scene);
  expect(records.split('\n').toSorted()).toEqual([
    `onced_records{namespace="${scene.namespace}",state="IN_PROGRESS"} 1`,
    'onced_records{namespace="other",state="IN_PROGRESS"} 2',
  ]);
});
