// Complete and Fail: one guarded write by token; when it does not apply, the decision says whether that is a repeat,
// a contradiction or a lost lease.

import {
  FailKind,
  type CompleteRequest,
  type CompleteResponse,
  type FailRequest,
  type FailResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import {
  durationMs,
  type EpochMs,
  type Settlement,
  type SettleRequest,
  type StoredRecord,
} from '../../storage/contract/index.ts';
import { assertNotOver, type CallContext, type Engine } from '../context.ts';
import { limits } from '../limits.ts';
import { summaryMessage } from '../messages.ts';
import { readBytes, readDuration, readError, readLabels, readText, Violations } from '../validate.ts';
import { atStoreOrJournal, readHolder, untilDecided, type Holder, type Settled } from './holder.ts';
import { exhaustedError } from './begin-writes.ts';
import { isReconciler } from './reconciler.ts';
import { settleDigest } from './settle-digest.ts';

export async function complete(engine: Engine, request: CompleteRequest, call: CallContext): Promise<CompleteResponse> {
  const violations = new Violations();
  const holder = readHolder(engine, request, violations);
  const { policy } = holder;
  const settlement: Settlement = {
    kind: 'completed',
    result: readBytes({ field: 'result', value: request.result, bytesMax: policy.resultBytesMax }, violations),
    contentType: readText(
      { field: 'content_type', value: request.contentType, bytesMax: limits.contentTypeBytesMax },
      violations,
    ),
    contentEncoding: readText(
      { field: 'content_encoding', value: request.contentEncoding, bytesMax: limits.contentEncodingBytesMax },
      violations,
    ),
    labels: readLabels('labels', request.labels, violations),
    resultTtlMs: policy.resultTtlMs,
  };
  const ttl = { field: 'ttl', value: request.ttl, msMin: policy.ttlMsMin, msMax: policy.ttlMsMax };
  const ttlMs = readDuration(ttl, violations);
  violations.check();
  assertNotOver(call);
  const ask = { holder, settlement, ttlMs, digest: settleDigest(settlement) };
  const { value, journaled } = await atStoreOrJournal(engine, holder, (at) => settle(at, ask));
  const { record, nowMs, alreadyApplied } = value;
  return { $typeName: 'onced.v1.CompleteResponse', record: summaryMessage(record, nowMs), alreadyApplied, journaled };
}

export async function fail(engine: Engine, request: FailRequest, call: CallContext): Promise<FailResponse> {
  const violations = new Violations();
  const holder = readHolder(engine, request, violations);
  const settlement = readFailure(request, violations);
  const { ttlMsMin, ttlMsMax } = holder.policy;
  const ttl = { field: 'ttl', value: request.ttl, msMin: ttlMsMin, msMax: ttlMsMax };
  const asked = readDuration(ttl, violations);
  violations.check();
  assertNotOver(call);
  const ttlMs = asked ?? (settlement.kind === 'unknown' ? holder.policy.orphanTtlMs : undefined);
  const digest = settleDigest(settlement);
  const { value, journaled } = await atStoreOrJournal(engine, holder, async (at) => {
    const effective = await exhaustedIfLast(at, holder, settlement);
    return settle(at, { holder, settlement: effective, ttlMs, digest });
  });
  const { record, nowMs, alreadyApplied } = value;
  return { $typeName: 'onced.v1.FailResponse', record: summaryMessage(record, nowMs), alreadyApplied, journaled };
}

function readFailure(request: FailRequest, violations: Violations): Settlement {
  const error = readError(request.error, violations);
  const retryAfterMs = readDuration(
    { field: 'retry_after', value: request.retryAfter, msMin: 0, msMax: limits.retryAfterMsMax },
    violations,
  );
  if (retryAfterMs !== undefined && request.kind !== FailKind.RETRYABLE) {
    violations.add('retry_after', 'may be given only with kind RETRYABLE');
  }
  switch (request.kind) {
    case FailKind.RETRYABLE:
      return { kind: 'released', error, retryAfterMs: retryAfterMs ?? durationMs(0) };
    case FailKind.UNKNOWN:
      return { kind: 'unknown', error };
    case FailKind.FINAL:
      if (error === undefined) violations.add('error', 'is required with kind FINAL: it is the outcome');
      return { kind: 'failed', error: error ?? exhaustedError(0, undefined) };
    case FailKind.UNSPECIFIED:
    default:
      violations.add('kind', `must be RETRYABLE, FINAL or UNKNOWN, found ${request.kind}`);
      return { kind: 'unknown', error };
  }
}

/** A release of the last allowed attempt is the end of the key. The token names the attempt, so a look beforehand is safe. */
async function exhaustedIfLast(engine: Engine, holder: Holder, settlement: Settlement): Promise<Settlement> {
  const { attemptsMax } = holder.policy;
  if (settlement.kind !== 'released' || attemptsMax === undefined) return settlement;
  const { record } = await engine.store.read({ ...holder.id, includeResult: false });
  if (record === undefined || record.leaseToken !== holder.leaseToken || record.attempt < attemptsMax)
    return settlement;
  return { kind: 'failed', error: exhaustedError(record.attempt, settlement.error ?? record.error) };
}

interface SettleAsk {
  readonly holder: Holder;
  readonly settlement: Settlement;
  readonly ttlMs: Parameters<Engine['store']['settle']>[0]['ttlMs'];
  readonly digest: string;
}

// Neither deadline nor cancellation stops a settle that has begun: the outcome is known now and must not get lost.
async function settle(engine: Engine, { holder, settlement, ttlMs, digest }: SettleAsk): Promise<Settled> {
  const { leaseToken, policy } = holder;
  const ask = { leaseToken, settleDigest: digest, onLeaseExpiry: policy.onLeaseExpiry };
  const request: SettleRequest = {
    namespace: holder.id.namespace,
    key: holder.id.key,
    guard: { kind: 'token', leaseToken },
    settlement,
    settleDigest: digest,
    ttlMs,
    graceMs: policy.lateRetryGraceMs,
  };
  let settled: Settled;
  try {
    settled = await untilDecided(ask, () => engine.store.settle(request));
  } catch (error) {
    if (settlement.kind === 'completed') countSuspectedDuplicate(engine, holder, error);
    throw error;
  }
  const { record, nowMs, alreadyApplied } = settled;
  if (alreadyApplied) return settled;
  announce(engine, settlement, record, nowMs);
  if (settlement.kind !== 'unknown' && isReconciler(record)) {
    engine.metrics.reconciled(record.namespace, 'reconciler', settlement.kind);
  }
  return settled;
}

/** Tells whoever waits, and the figures. */
export function announce(engine: Engine, settlement: Settlement, record: StoredRecord, nowMs: EpochMs): void {
  const { waiters, watchers, metrics, quotas } = engine;
  quotas.settled(record.namespace);
  watchers.changed(record);
  if (settlement.kind === 'completed' || settlement.kind === 'failed') {
    metrics.intentToOutcome(record.namespace, nowMs - record.createMs);
    if (!waiters.has(record)) return;
    const result = settlement.kind === 'completed' ? settlement.result : undefined;
    waiters.wakeAll(record, { kind: 'outcome', record: { ...record, result }, nowMs });
  } else if (settlement.kind === 'released' && settlement.retryAfterMs === 0) {
    waiters.wakeOne(record);
  } else {
    // Nobody can acquire now; all who wait get to know why.
    waiters.wakeAll(record, { kind: 'look' });
  }
}

function countSuspectedDuplicate(engine: Engine, holder: Holder, error: unknown): void {
  if (isLeaseLost(error)) engine.metrics.suspectedDuplicate(holder.id.namespace, 'late_complete');
}

const isLeaseLost = (error: unknown): boolean =>
  error instanceof Error && 'reason' in error && error.reason === 'LEASE_LOST';
