// What each guarded write makes of a record, as pure functions. The memory store and SQLite apply them to objects;
// Postgres and Redis say the same in SQL and Lua, and test/conformance holds all of them to it.

import { isExpired, isHeld } from './decide.ts';
import type { ClaimRequest, ExtendRequest, Guard, SettleRequest, Settlement } from './store.ts';
import { addMs, epochMs, type AttemptOrigin, type EpochMs, type StoredRecord, type StoredState } from './types.ts';

const NEVER = epochMs(0);

/** The record after a claim, or undefined when the expectation does not hold. */
export function applyClaim(
  request: ClaimRequest,
  standing: StoredRecord | undefined,
  nowMs: EpochMs,
): StoredRecord | undefined {
  const present = standing !== undefined && !isExpired(standing, nowMs) ? standing : undefined;
  if (request.expected === 'absent' ? present !== undefined : present?.revision !== request.expected) return undefined;
  const leaseExpireMs = addMs(nowMs, request.leaseMs);
  const expireMs = addMs(leaseExpireMs, request.orphanTtlMs);
  return {
    namespace: request.namespace,
    key: request.key,
    state: 'IN_PROGRESS',
    // Starts at the clock, not at 1: a key that was purged and made again never repeats a revision (see isBehindClock).
    revision: Math.max((standing?.revision ?? 0) + 1, nowMs),
    fingerprints: request.fingerprints,
    labels: request.labels,
    attempt: (present?.attempt ?? 0) + 1,
    attemptId: request.attemptId,
    attemptOrigin: originOf(standing, present),
    owner: request.owner,
    leaseToken: request.leaseToken,
    fencingToken: Math.max((standing?.fencingToken ?? 0) + 1, nowMs),
    leaseExpireMs,
    holdStartMs: nowMs,
    checkpoint: present?.checkpoint,
    error: present?.error,
    retryMs: NEVER,
    result: undefined,
    resultBytes: 0,
    resultDropped: false,
    contentType: '',
    contentEncoding: '',
    outcomeLabels: {},
    settleDigest: '',
    createMs: present?.createMs ?? nowMs,
    updateMs: nowMs,
    settleMs: NEVER,
    ttlMs: request.retention.ttlMs,
    expireMs,
    resultExpireMs: NEVER,
    purgeMs: addMs(expireMs, request.retention.graceMs),
  };
}

function originOf(standing: StoredRecord | undefined, present: StoredRecord | undefined): AttemptOrigin {
  if (standing === undefined) return 'FRESH';
  if (present === undefined) return 'LATE_RETRY';
  return present.state === 'RELEASED' ? 'RELEASED' : 'TAKEN_OVER';
}

/** The record after an extend, or undefined when the guard does not fit. */
export function applyExtend(
  request: ExtendRequest,
  standing: StoredRecord | undefined,
  nowMs: EpochMs,
): StoredRecord | undefined {
  if (standing === undefined || isExpired(standing, nowMs) || !isHeld(standing.state)) return undefined;
  if (!guardFits(request.guard, standing)) return undefined;
  const record = {
    ...standing,
    revision: standing.revision + 1,
    updateMs: nowMs,
    checkpoint: request.checkpoint ?? standing.checkpoint,
  };
  if (request.leaseMs === undefined) return record;
  const holdEndMs = addMs(standing.holdStartMs, request.holdMsMax);
  const leaseExpireMs = epochMs(Math.min(addMs(nowMs, request.leaseMs), holdEndMs));
  if (standing.state === 'UNKNOWN') return { ...record, leaseExpireMs };
  // A holder at the end of its total hold has a lease that is over; its record still stays a whole ttl from now.
  const lastSeenMs = epochMs(Math.max(leaseExpireMs, nowMs));
  const expireMs = addMs(lastSeenMs, request.orphanTtlMs ?? standing.ttlMs);
  return { ...record, leaseExpireMs, expireMs, purgeMs: addMs(expireMs, request.graceMs) };
}

/** The record after a settle, or undefined when the guard does not fit. */
export function applySettle(
  request: SettleRequest,
  standing: StoredRecord | undefined,
  nowMs: EpochMs,
): StoredRecord | undefined {
  if (standing === undefined || isExpired(standing, nowMs)) return undefined;
  if (!isHeld(standing.state) && !(request.guard.kind === 'revision' && standing.state === 'RELEASED')) {
    return undefined;
  }
  if (!guardFits(request.guard, standing)) return undefined;
  const ttlMs = request.ttlMs ?? standing.ttlMs;
  const expireMs = addMs(nowMs, ttlMs);
  const record: Draft = { ...standing };
  record.state = settledState(request.settlement);
  record.revision += 1;
  record.settleDigest = request.settleDigest;
  record.updateMs = nowMs;
  record.settleMs = nowMs;
  // An unknown outcome stays for the orphan ttl, but the ttl asked for its outcome still stands.
  if (request.settlement.kind !== 'unknown') record.ttlMs = ttlMs;
  record.expireMs = expireMs;
  record.purgeMs = addMs(expireMs, request.graceMs);
  settleContent(record, request.settlement, nowMs);
  return record;
}

/** Its fields are set one by one: to spread a second object into a literal takes as long as all else here. */
type Draft = { -readonly [Field in keyof StoredRecord]: StoredRecord[Field] };

/** The stored state that a settlement leads to. */
export function settledState(settlement: Settlement): StoredState {
  switch (settlement.kind) {
    case 'completed':
      return 'COMPLETED';
    case 'failed':
      return 'FAILED';
    case 'released':
      return 'RELEASED';
    case 'unknown':
      return 'UNKNOWN';
  }
}

function settleContent(record: Draft, settlement: Settlement, nowMs: EpochMs): void {
  record.retryMs = settlement.kind === 'released' ? addMs(nowMs, settlement.retryAfterMs) : NEVER;
  switch (settlement.kind) {
    case 'completed':
      record.result = settlement.result;
      record.resultBytes = settlement.result.length;
      record.contentType = settlement.contentType;
      record.contentEncoding = settlement.contentEncoding;
      record.outcomeLabels = settlement.labels;
      record.resultExpireMs = epochMs(Math.min(addMs(nowMs, settlement.resultTtlMs), record.expireMs));
      record.checkpoint = undefined;
      record.error = undefined;
      break;
    case 'failed':
      record.error = settlement.error;
      record.checkpoint = undefined;
      break;
    case 'released':
    case 'unknown':
      record.error = settlement.error ?? record.error;
      break;
  }
}

const guardFits = (guard: Guard, standing: StoredRecord): boolean =>
  guard.kind === 'token' ? standing.leaseToken === guard.leaseToken : standing.revision === guard.revision;
