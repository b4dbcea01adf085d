// Records as messages. Only what a caller may see: lease tokens go to their holder alone.

import { create } from '@bufbuild/protobuf';
import { durationFromMs, type Duration, type Timestamp } from '@bufbuild/protobuf/wkt';
import {
  CompletedSchema,
  FailedSchema,
  InProgressSchema,
  OrphanedSchema,
  RetryLaterSchema,
  type Acquired,
  type Completed,
  type Failed,
  type InProgress,
  type Orphaned,
  type RetryLater,
} from '../proto/gen/onced/v1/idempotency_pb.js';
import {
  IntentErrorSchema,
  IntentRecordSchema,
  IntentState,
  OrphanCause,
  OrphanSchema,
  type IntentError as WireError,
  type IntentRecord,
  type Orphan as WireOrphan,
  type RecordSummary,
} from '../proto/gen/onced/v1/record_pb.js';
import {
  isLive,
  orphanOf,
  type EpochMs,
  type IntentError,
  type Orphan,
  type StoredRecord,
} from '../storage/contract/index.ts';
import { limits } from './limits.ts';

/** `code` of an outcome that says that the policy's attempts are used up. */
export const ATTEMPTS_EXHAUSTED = 'ATTEMPTS_EXHAUSTED';

// Literals where a message stands on the way of most calls: `create` goes through the fields by name, and what it makes is slower
// to write. A message of proto3 is a plain object with its fields and its name.

export const instant = (ms: EpochMs): Timestamp => ({
  $typeName: 'google.protobuf.Timestamp',
  seconds: BigInt(Math.floor(ms / 1000)),
  nanos: (ms % 1000) * 1_000_000,
});
/** 0 means "not set" in a record. */
const optionalInstant = (ms: EpochMs): { value?: Timestamp } => (ms === 0 ? {} : { value: instant(ms) });
const atLeastZero = (ms: number): Duration => {
  const restMs = Math.max(0, ms);
  return {
    $typeName: 'google.protobuf.Duration',
    seconds: BigInt(Math.floor(restMs / 1000)),
    nanos: (restMs % 1000) * 1_000_000,
  };
};

export function stateOf(record: StoredRecord, nowMs: EpochMs): IntentState {
  if (record.state === 'IN_PROGRESS' && !isLive(record, nowMs)) return IntentState.ORPHANED;
  return IntentState[record.state];
}

export function summaryMessage(record: StoredRecord, nowMs: EpochMs): RecordSummary {
  const summary: RecordSummary = {
    $typeName: 'onced.v1.RecordSummary',
    namespace: record.namespace,
    key: record.key,
    state: stateOf(record, nowMs),
    attempt: record.attempt,
    fencingToken: BigInt(record.fencingToken),
    createTime: instant(record.createMs),
    updateTime: instant(record.updateMs),
    expireTime: instant(record.expireMs),
  };
  if (record.settleMs !== 0) summary.settleTime = instant(record.settleMs);
  if (record.resultExpireMs !== 0) summary.resultExpireTime = instant(record.resultExpireMs);
  return summary;
}

export interface RecordView {
  readonly withResult: boolean;
  readonly withCheckpoint: boolean;
}

export function recordMessage(record: StoredRecord, nowMs: EpochMs, view: RecordView): IntentRecord {
  const orphan = orphanOf(record, nowMs);
  const retry = optionalInstant(record.retryMs).value;
  return create(IntentRecordSchema, {
    summary: summaryMessage(record, nowMs),
    fingerprints: record.fingerprints.map(({ scheme, digest }) => ({ scheme, digest })),
    labels: { ...record.labels },
    owner: record.owner,
    leaseExpireTime: instant(record.leaseExpireMs),
    leaseRemaining: atLeastZero(isLive(record, nowMs) ? record.leaseExpireMs - nowMs : 0),
    resultBytes: BigInt(record.resultBytes),
    resultDropped: record.resultDropped,
    contentType: record.contentType,
    contentEncoding: record.contentEncoding,
    outcomeLabels: { ...record.outcomeLabels },
    revision: BigInt(record.revision),
    ...(orphan === undefined ? {} : { orphan: orphanMessage(orphan) }),
    ...(view.withCheckpoint && record.checkpoint !== undefined ? { checkpoint: record.checkpoint } : {}),
    ...(view.withResult && record.result !== undefined ? { result: record.result } : {}),
    ...(record.error === undefined ? {} : { error: errorMessage(record.error) }),
    ...(retry === undefined ? {} : { retryTime: retry }),
  });
}

export function acquiredMessage(record: StoredRecord, nowMs: EpochMs): Acquired {
  const acquired: Acquired = {
    $typeName: 'onced.v1.Acquired',
    leaseToken: Buffer.from(record.leaseToken, 'hex'),
    fencingToken: BigInt(record.fencingToken),
    attempt: record.attempt,
    leaseExpireTime: instant(record.leaseExpireMs),
    leaseRemaining: atLeastZero(record.leaseExpireMs - nowMs),
    takenOver: record.attemptOrigin === 'TAKEN_OVER',
    lateRetry: record.attemptOrigin === 'LATE_RETRY',
    expireTime: instant(record.expireMs),
    degraded: false,
  };
  if (record.checkpoint !== undefined) acquired.checkpoint = record.checkpoint;
  if (record.error !== undefined) acquired.lastError = errorMessage(record.error);
  return acquired;
}

export function completedMessage(record: StoredRecord): Completed {
  const resultExpire = optionalInstant(record.resultExpireMs).value;
  return create(CompletedSchema, {
    result: record.result ?? new Uint8Array(0),
    contentType: record.contentType,
    contentEncoding: record.contentEncoding,
    labels: { ...record.outcomeLabels },
    resultDropped: record.resultDropped,
    attempt: record.attempt,
    fencingToken: BigInt(record.fencingToken),
    createTime: instant(record.createMs),
    completeTime: instant(record.settleMs),
    expireTime: instant(record.expireMs),
    ...(resultExpire === undefined ? {} : { resultExpireTime: resultExpire }),
  });
}

export function failedMessage(record: StoredRecord): Failed {
  return create(FailedSchema, {
    attemptsExhausted: record.error?.code === ATTEMPTS_EXHAUSTED,
    attempt: record.attempt,
    fencingToken: BigInt(record.fencingToken),
    createTime: instant(record.createMs),
    failTime: instant(record.settleMs),
    expireTime: instant(record.expireMs),
    ...(record.error === undefined ? {} : { error: errorMessage(record.error) }),
  });
}

export function inProgressMessage(record: StoredRecord, nowMs: EpochMs): InProgress {
  return create(InProgressSchema, {
    attempt: record.attempt,
    owner: record.owner,
    leaseExpireTime: instant(record.leaseExpireMs),
    retryAfter: retryAfter(record.leaseExpireMs - nowMs),
    expireTime: instant(record.expireMs),
  });
}

export function retryLaterMessage(record: StoredRecord, nowMs: EpochMs): RetryLater {
  return create(RetryLaterSchema, {
    retryAfter: atLeastZero(record.retryMs - nowMs),
    retryTime: instant(record.retryMs),
    attempt: record.attempt,
    expireTime: instant(record.expireMs),
    ...(record.error === undefined ? {} : { lastError: errorMessage(record.error) }),
  });
}

export function orphanedMessage(record: StoredRecord, orphan: Orphan): Orphaned {
  return create(OrphanedSchema, {
    orphan: orphanMessage(orphan),
    attempt: record.attempt,
    owner: record.owner,
    retryAfter: durationFromMs(limits.retryAfterMsHintMax),
    expireTime: instant(record.expireMs),
    ...(record.error === undefined ? {} : { lastError: errorMessage(record.error) }),
  });
}

function orphanMessage(orphan: Orphan): WireOrphan {
  return create(OrphanSchema, { orphanTime: instant(orphan.sinceMs), cause: OrphanCause[orphan.cause] });
}

function errorMessage(error: IntentError): WireError {
  return create(IntentErrorSchema, { ...error });
}

/** Half to all of the bounded rest, at random: callers that lost the same race should not come back together. */
function retryAfter(restMs: number): Duration {
  const boundMs = Math.min(Math.max(restMs, limits.retryAfterMsHintMin), limits.retryAfterMsHintMax);
  return durationFromMs(Math.ceil(boundMs * (0.5 + Math.random() / 2)));
}

/** durationFromMs takes whole milliseconds only. */
export function fractional(ms: number): { seconds: bigint; nanos: number } {
  const micros = Math.round(ms * 1000);
  return { seconds: BigInt(Math.floor(micros / 1e6)), nanos: (micros % 1e6) * 1000 };
}
