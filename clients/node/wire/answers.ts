// From response messages to plain values.

import { durationMs, timestampMs, type Duration, type Timestamp } from '@bufbuild/protobuf/wkt';
import type * as wire from '../../../proto/gen/onced/v1/idempotency_pb.js';
import {
  IntentState as WireState,
  OrphanCause,
  type IntentError as WireIntentError,
  type IntentRecord as WireRecord,
  type Orphan as WireOrphan,
  type RecordSummary as WireSummary,
} from '../../../proto/gen/onced/v1/record_pb.js';
import { unreachable } from './error-table.ts';
import type {
  Acquired,
  BeginAnswer,
  ClaimedOrphan,
  Completed,
  Checkpointed,
  Extended,
  Failed,
  InProgress,
  IntentError,
  IntentRecord,
  IntentState,
  IssuedKeys,
  Orphan,
  Orphaned,
  RecordSummary,
  RetryLater,
  ServerInfo,
  Settled,
} from '../types.ts';

/** What the caller knows of its own request. */
export interface Sent {
  /** performance.now() when it was sent, at the latest. */
  readonly sentMonotonicMs: number;
  readonly attemptId: string;
}

const instant = (value: Timestamp | undefined): number => (value === undefined ? 0 : timestampMs(value));
const optionalInstant = (value: Timestamp | undefined): number | undefined =>
  value === undefined ? undefined : timestampMs(value);
const span = (value: Duration | undefined): number => (value === undefined ? 0 : durationMs(value));

export function beginAnswer({ outcome }: wire.BeginIntentResponse, sent: Sent): BeginAnswer {
  switch (outcome.case) {
    case 'acquired':
      return acquired(outcome.value, sent);
    case 'completed':
      return completed(outcome.value);
    case 'failed':
      return failed(outcome.value);
    case 'inProgress':
      return inProgress(outcome.value);
    case 'retryLater':
      return retryLater(outcome.value);
    case 'orphaned':
      return orphaned(outcome.value);
    case undefined:
      // A newer server's outcome. The API says: treat it like in_progress.
      return { kind: 'in-progress', attempt: 0, owner: '', leaseExpireMs: 0, retryAfterMs: 1000, expireMs: 0 };
  }
}

export function acquired(lease: wire.Acquired, { sentMonotonicMs, attemptId }: Sent): Acquired {
  const leaseRemainingMs = span(lease.leaseRemaining);
  return {
    kind: 'acquired',
    attemptId,
    leaseToken: lease.leaseToken,
    // Starts at the store's clock in milliseconds and grows by one an attempt: far below 2^53.
    fencingToken: Number(lease.fencingToken),
    attempt: lease.attempt,
    leaseRemainingMs,
    leaseUntilMonotonicMs: sentMonotonicMs + leaseRemainingMs,
    leaseExpireMs: instant(lease.leaseExpireTime),
    takenOver: lease.takenOver,
    checkpoint: lease.checkpoint,
    lastError: optionalError(lease.lastError),
    degraded: lease.degraded,
    lateRetry: lease.lateRetry,
    expireMs: instant(lease.expireTime),
  };
}

function completed(stored: wire.Completed): Completed {
  return {
    kind: 'completed',
    result: stored.result,
    contentType: stored.contentType,
    contentEncoding: stored.contentEncoding,
    labels: stored.labels,
    resultDropped: stored.resultDropped,
    attempt: stored.attempt,
    fencingToken: Number(stored.fencingToken),
    createMs: instant(stored.createTime),
    completeMs: instant(stored.completeTime),
    expireMs: instant(stored.expireTime),
    resultExpireMs: optionalInstant(stored.resultExpireTime),
  };
}

function failed(stored: wire.Failed): Failed {
  return {
    kind: 'failed',
    error: optionalError(stored.error) ?? { code: 'UNKNOWN', message: '' },
    attemptsExhausted: stored.attemptsExhausted,
    attempt: stored.attempt,
    fencingToken: Number(stored.fencingToken),
    createMs: instant(stored.createTime),
    failMs: instant(stored.failTime),
    expireMs: instant(stored.expireTime),
  };
}

function inProgress(standing: wire.InProgress): InProgress {
  return {
    kind: 'in-progress',
    attempt: standing.attempt,
    owner: standing.owner,
    leaseExpireMs: instant(standing.leaseExpireTime),
    retryAfterMs: span(standing.retryAfter),
    expireMs: instant(standing.expireTime),
  };
}

function retryLater(standing: wire.RetryLater): RetryLater {
  return {
    kind: 'retry-later',
    retryAfterMs: span(standing.retryAfter),
    attempt: standing.attempt,
    lastError: optionalError(standing.lastError),
    expireMs: instant(standing.expireTime),
  };
}

function orphaned(standing: wire.Orphaned): Orphaned {
  return {
    kind: 'orphaned',
    orphan: orphan(standing.orphan),
    attempt: standing.attempt,
    owner: standing.owner,
    lastError: optionalError(standing.lastError),
    expireMs: instant(standing.expireTime),
  };
}

function orphan(standing: WireOrphan | undefined): Orphan {
  return {
    sinceMs: instant(standing?.orphanTime),
    cause: standing?.cause === OrphanCause.HOLDER_UNKNOWN ? 'holder-unknown' : 'lease-expired',
  };
}

function optionalError(error: WireIntentError | undefined): IntentError | undefined {
  if (error === undefined) return undefined;
  const { code, message, detail, contentType } = error;
  return { code, message, detail, contentType };
}

export const checkpointed = (response: wire.CheckpointResponse, sentMonotonicMs: number): Checkpointed => ({
  ...extended(response, sentMonotonicMs),
  journaled: response.journaled,
});

export function extended(response: wire.RenewResponse | wire.CheckpointResponse, sentMonotonicMs: number): Extended {
  const leaseRemainingMs = span(response.leaseRemaining);
  return {
    leaseRemainingMs,
    leaseUntilMonotonicMs: sentMonotonicMs + leaseRemainingMs,
    leaseExpireMs: instant(response.leaseExpireTime),
    expireMs: instant(response.expireTime),
  };
}

export function settled(response: wire.CompleteResponse | wire.FailResponse): Settled {
  return {
    record: summary(response.record),
    alreadyApplied: response.alreadyApplied,
    journaled: response.journaled,
  };
}

const STATES: Readonly<Record<WireState, IntentState>> = {
  [WireState.UNSPECIFIED]: 'unknown',
  [WireState.IN_PROGRESS]: 'in-progress',
  [WireState.COMPLETED]: 'completed',
  [WireState.FAILED]: 'failed',
  [WireState.RELEASED]: 'released',
  [WireState.UNKNOWN]: 'unknown',
  [WireState.ORPHANED]: 'orphaned',
};

function summary(record: WireSummary | undefined): RecordSummary {
  return {
    namespace: record?.namespace ?? '',
    key: record?.key ?? '',
    state: STATES[record?.state ?? WireState.UNSPECIFIED],
    attempt: record?.attempt ?? 0,
    fencingToken: Number(record?.fencingToken ?? 0),
    createMs: instant(record?.createTime),
    updateMs: instant(record?.updateTime),
    settleMs: optionalInstant(record?.settleTime),
    expireMs: instant(record?.expireTime),
    resultExpireMs: optionalInstant(record?.resultExpireTime),
  };
}

export function issuedKeys({ keys, expireTime }: wire.IssueKeysResponse): IssuedKeys {
  return { keys, expireMs: instant(expireTime) };
}

export function intentRecord(record: WireRecord | undefined): IntentRecord {
  if (record === undefined) throw unreachable('the server answered without a record');
  return {
    ...summary(record.summary),
    fingerprints: record.fingerprints.map(({ scheme, digest }) => ({ scheme, digest })),
    labels: record.labels,
    owner: record.owner,
    leaseExpireMs: optionalInstant(record.leaseExpireTime),
    leaseRemainingMs: span(record.leaseRemaining),
    orphan: record.orphan === undefined ? undefined : orphan(record.orphan),
    checkpoint: record.checkpoint,
    result: record.result,
    resultBytes: Number(record.resultBytes),
    resultDropped: record.resultDropped,
    contentType: record.contentType,
    contentEncoding: record.contentEncoding,
    outcomeLabels: record.outcomeLabels,
    error: optionalError(record.error),
    retryMs: optionalInstant(record.retryTime),
    revision: Number(record.revision),
  };
}

export function claimedOrphans(response: wire.ClaimOrphansResponse, sentMonotonicMs: number): ClaimedOrphan[] {
  return response.orphans.flatMap(({ record, acquired: lease }) =>
    record === undefined || lease === undefined
      ? []
      : [{ record: intentRecord(record), acquired: acquired(lease, { sentMonotonicMs, attemptId: '' }) }],
  );
}

export function serverInfo(info: wire.GetServerInfoResponse): ServerInfo {
  return {
    version: info.version,
    capabilities: info.capabilities,
    store: info.store,
    tier: info.tier,
    acknowledged: info.acknowledged,
    serverMs: instant(info.serverTime),
    requestBytesMax: Number(info.requestBytesMax),
    sessionInFlightMax: info.sessionInFlightMax,
  };
}
