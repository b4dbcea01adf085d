// AdminService: removing and exporting many records, in batches, telling how far it is.

import { create, toJsonString } from '@bufbuild/protobuf';
import {
  ExportRecordsResponseSchema,
  PurgeRecordsResponseSchema,
  RecordFilterSchema,
  type ExportRecordsRequest,
  type ExportRecordsResponse,
  type PurgeRecordsRequest,
  type PurgeRecordsResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import type { EpochMs, StoredRecord } from '../../storage/contract/index.ts';
import { assertNotOver, type CallContext, type Engine } from '../context.ts';
import { Rejection } from '../errors.ts';
import { limits } from '../limits.ts';
import { recordMessage } from '../messages.ts';
import { pause, rest } from '../pause.ts';
import { readReason, Violations } from '../validate.ts';
import { readFilter, selectedPages, type Selection } from './records.ts';

/** Of a purge, a count, an export. */
const BULK = { limit: limits.bulkPage, restTimes: limits.bulkRest };

interface Tally {
  matched: number;
  removed: number;
  kept: number;
}

export async function* purgeRecords(
  engine: Engine,
  request: PurgeRecordsRequest,
  call: CallContext,
): AsyncGenerator<PurgeRecordsResponse, void> {
  const filter = request.filter ?? create(RecordFilterSchema);
  const reason = readPurge(request);
  const selection = readFilter(filter);
  if (request.dryRun) {
    yield* countMatching(engine, selection, call);
    return;
  }
  if (request.expectedCount > 0n) await assertNotMore(engine, selection, request, call);
  const tally: Tally = { matched: 0, removed: 0, kept: 0 };
  const event = {
    action: 'PurgeRecords',
    target: toJsonString(RecordFilterSchema, filter),
    namespace: filter.namespace,
    reason,
    before: { force: request.force, expectedCount: String(request.expectedCount) },
  };
  const finish = await engine.audit.begin(call, event);
  let isDone = false;
  try {
    for await (const { records, nowMs } of selectedPages(engine, selection, BULK, call)) {
      await untilStill(records, nowMs, call);
      for (let start = 0; start < records.length;) {
        assertNotOver(call);
        // Counted first, but others may come to match meanwhile: nobody has agreed to those.
        const left = request.expectedCount === 0n ? Infinity : Number(request.expectedCount) - tally.removed;
        if (left === 0) throw moreThanExpected(request, 'so many are removed, and there are more', tally.removed + 1);
        const batch = records.slice(start, start + Math.min(limits.purgeBatch, left));
        start += batch.length;
        const startMs = performance.now();
        await removeAll(engine, batch, request.force, tally);
        yield progress(tally, false);
        const pace = engine.admission.isIdle()
          ? { times: 1 }
          : { times: limits.purgeRest, msMin: limits.removalRestMsMin };
        await rest({ startMs, ...pace, signal: call.signal });
      }
    }
    isDone = true;
    yield progress(tally, true);
  } finally {
    await finish({ ...tally, isDone });
  }
}

export async function* exportRecords(
  engine: Engine,
  request: ExportRecordsRequest,
  call: CallContext,
): AsyncGenerator<ExportRecordsResponse, void> {
  const selection = readFilter(request.filter ?? create(RecordFilterSchema));
  for await (const { records, nowMs } of selectedPages(engine, selection, BULK, call)) {
    if (records.length === 0) continue;
    const whole = request.includePayloads ? await withPayloads(engine, records) : records;
    const view = { withResult: request.includePayloads, withCheckpoint: request.includePayloads };
    yield create(ExportRecordsResponseSchema, { records: whole.map((record) => recordMessage(record, nowMs, view)) });
  }
}

/** Reads the operator's reason; refuses a purge of everything, which nobody means. */
function readPurge(request: PurgeRecordsRequest): string {
  const violations = new Violations();
  const reason = readReason(request.reason, violations);
  if (!request.dryRun && reason === '') violations.add('reason', 'is required: it goes into the audit log');
  const filter = request.filter;
  const isNarrow =
    filter !== undefined &&
    (filter.namespace !== '' ||
      filter.keyPrefix !== '' ||
      filter.key !== '' ||
      filter.owner !== '' ||
      filter.states.length > 0 ||
      filter.ageMin !== undefined);
  if (!isNarrow) violations.add('filter', 'must name a namespace, key, key_prefix, states, owner or age_min');
  violations.check();
  return reason;
}

async function* countMatching(
  engine: Engine,
  selection: Selection,
  call: CallContext,
): AsyncGenerator<PurgeRecordsResponse, void> {
  const tally: Tally = { matched: 0, removed: 0, kept: 0 };
  for await (const { records } of selectedPages(engine, selection, BULK, call)) {
    tally.matched += records.length;
    yield progress(tally, false);
  }
  yield progress(tally, true);
}

async function assertNotMore(
  engine: Engine,
  selection: Selection,
  request: PurgeRecordsRequest,
  call: CallContext,
): Promise<void> {
  let matched = 0n;
  for await (const counted of countMatching(engine, selection, call)) matched = counted.matched;
  if (matched <= request.expectedCount) return;
  throw moreThanExpected(request, `${matched} records match`, matched);
}

const moreThanExpected = ({ expectedCount }: PurgeRecordsRequest, what: string, found: number | bigint): Rejection =>
  new Rejection('EXPECTATION_FAILED', `${expectedCount} records were expected: ${what}`, {
    metadata: { expected: String(expectedCount), found: String(found) },
  });

/** Waits until a store no longer keeps what was written just before it was read. */
async function untilStill(records: readonly StoredRecord[], nowMs: EpochMs, { signal }: CallContext): Promise<void> {
  const stillMs = Math.max(...records.map(({ revision }) => revision)) + limits.purgeStillMs;
  if (stillMs > nowMs) await pause(Math.min(stillMs - nowMs, limits.purgeStillMsMax), signal);
}

async function removeAll(
  engine: Engine,
  records: readonly StoredRecord[],
  force: boolean,
  tally: Tally,
): Promise<void> {
  const removed = await Promise.all(
    records.map(async ({ namespace, key, revision }) => engine.store.remove({ namespace, key, revision, force })),
  );
  for (const [index, isRemoved] of removed.entries()) {
    tally.matched += 1;
    if (!isRemoved) {
      tally.kept += 1;
      continue;
    }
    tally.removed += 1;
    const record = records[index];
    if (record === undefined) continue;
    engine.waiters.wakeOne(record);
    engine.watchers.changed(record);
  }
}

async function withPayloads(engine: Engine, records: readonly StoredRecord[]): Promise<readonly StoredRecord[]> {
  const found = await Promise.all(
    records.map(async ({ namespace, key }) => engine.store.read({ namespace, key, includeResult: true })),
  );
  return found.map(({ record }) => record).filter((record) => record !== undefined);
}

const progress = (tally: Tally, done: boolean): PurgeRecordsResponse =>
  create(PurgeRecordsResponseSchema, {
    matched: BigInt(tally.matched),
    removed: BigInt(tally.removed),
    kept: BigInt(tally.kept),
    done,
  });
