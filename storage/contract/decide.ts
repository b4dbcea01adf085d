// The state machine: one pure function for callers who begin and one for holders. Written here and nowhere else;
// stores only guard writes (see store.ts). docs/architecture.md draws the same table.

import type { EpochMs, Fingerprint, LeaseToken, StoredRecord, StoredState } from './types.ts';

/** At most this many fingerprints are kept for a key, so that a scheme can change during a roll-out. */
export const FINGERPRINTS_MAX = 4;

/**
 * Attempt ids that start so are a reconciler's, on an orphan whose holder said that it does not know: when the reconciler
 * vanishes too, the key stays held for review whatever the policy. No caller may choose such an id.
 */
export const REVIEW_ATTEMPT_PREFIX = 'onced:review:';

/** What must be known of a BeginIntent to decide it. */
export interface BeginAsk {
  readonly attemptId: string;
  readonly fingerprints: readonly Fingerprint[];
  readonly onLeaseExpiry: 'TAKE_OVER' | 'HOLD';
  /** Undefined: unlimited. */
  readonly attemptsMax: number | undefined;
}

export type OrphanCause = 'LEASE_EXPIRED' | 'HOLDER_UNKNOWN';

export interface Orphan {
  readonly sinceMs: EpochMs;
  readonly cause: OrphanCause;
}

export type BeginDecision =
  | {
      readonly kind: 'claim';
      readonly expected: 'absent' | number;
      /** What to store: the caller's, joined with what stood there. */
      readonly fingerprints: readonly Fingerprint[];
    }
  /** By revision, not by token: the holder may have ended in UNKNOWN since, which its token would still open. */
  | { readonly kind: 'extend'; readonly revision: number }
  | { readonly kind: 'exhaust'; readonly revision: number }
  | { readonly kind: 'completed'; readonly record: StoredRecord }
  | { readonly kind: 'failed'; readonly record: StoredRecord }
  | { readonly kind: 'in-progress'; readonly record: StoredRecord; readonly nowMs: EpochMs }
  | { readonly kind: 'retry-later'; readonly record: StoredRecord; readonly nowMs: EpochMs }
  | { readonly kind: 'orphaned'; readonly record: StoredRecord; readonly orphan: Orphan }
  | { readonly kind: 'rejected'; readonly reason: 'KEY_REUSED' | 'ATTEMPT_ENDED' };

/** What a BeginIntent answers, given what stands in the store at `nowMs`. First row that fits, as in DESIGN.md 3. */
export function decideBegin(ask: BeginAsk, record: StoredRecord | undefined, nowMs: EpochMs): BeginDecision {
  if (record === undefined || isExpired(record, nowMs)) {
    return { kind: 'claim', expected: 'absent', fingerprints: ask.fingerprints };
  }
  if (!fingerprintsAgree(record.fingerprints, ask.fingerprints)) return { kind: 'rejected', reason: 'KEY_REUSED' };
  const isSameAttempt = record.attemptId === ask.attemptId;
  switch (record.state) {
    case 'COMPLETED':
      return { kind: 'completed', record };
    case 'FAILED':
      return { kind: 'failed', record };
    case 'UNKNOWN':
      return { kind: 'orphaned', record, orphan: { sinceMs: record.settleMs, cause: 'HOLDER_UNKNOWN' } };
    case 'IN_PROGRESS':
      if (isSameAttempt) return { kind: 'extend', revision: record.revision };
      if (isLive(record, nowMs)) return { kind: 'in-progress', record, nowMs };
      if (ask.onLeaseExpiry === 'HOLD' || isReview(record)) {
        return { kind: 'orphaned', record, orphan: { sinceMs: record.leaseExpireMs, cause: 'LEASE_EXPIRED' } };
      }
      return nextAttempt(ask, record);
    case 'RELEASED':
      if (isSameAttempt) return { kind: 'rejected', reason: 'ATTEMPT_ENDED' };
      if (attemptsAreUsedUp(ask, record)) return { kind: 'exhaust', revision: record.revision };
      if (nowMs < record.retryMs) return { kind: 'retry-later', record, nowMs };
      return nextAttempt(ask, record);
  }
}

/** Somebody reviews or reviewed what a holder did not know. */
export const isReview = (record: StoredRecord): boolean =>
  record.state === 'UNKNOWN' || record.attemptId.startsWith(REVIEW_ATTEMPT_PREFIX);

function nextAttempt(ask: BeginAsk, record: StoredRecord): BeginDecision {
  if (attemptsAreUsedUp(ask, record)) return { kind: 'exhaust', revision: record.revision };
  const fingerprints = joinFingerprints(record.fingerprints, ask.fingerprints);
  return { kind: 'claim', expected: record.revision, fingerprints };
}

const attemptsAreUsedUp = (ask: BeginAsk, record: StoredRecord): boolean =>
  ask.attemptsMax !== undefined && record.attempt >= ask.attemptsMax;

/** What must be known of a Complete, Fail, Renew or Checkpoint to decide it. */
export interface HolderAsk {
  readonly leaseToken: LeaseToken;
  /** Digest of the settling call's content; undefined for Renew and Checkpoint, which repeat nothing settled. */
  readonly settleDigest: string | undefined;
}

export type HolderDecision =
  | { readonly kind: 'apply' }
  | { readonly kind: 'already-applied'; readonly record: StoredRecord }
  | { readonly kind: 'rejected'; readonly reason: 'ALREADY_SETTLED' | 'LEASE_LOST'; readonly record: StoredRecord }
  | { readonly kind: 'rejected'; readonly reason: 'INTENT_NOT_FOUND' };

/** What a holder's call answers, given what stands in the store at `nowMs`. */
export function decideHolder(ask: HolderAsk, record: StoredRecord | undefined, nowMs: EpochMs): HolderDecision {
  if (record === undefined || isExpired(record, nowMs)) return { kind: 'rejected', reason: 'INTENT_NOT_FOUND' };
  if (record.leaseToken !== ask.leaseToken) return { kind: 'rejected', reason: 'LEASE_LOST', record };
  if (isHeld(record.state)) return { kind: 'apply' };
  if (ask.settleDigest !== undefined && ask.settleDigest === record.settleDigest) {
    return { kind: 'already-applied', record };
  }
  return { kind: 'rejected', reason: 'ALREADY_SETTLED', record };
}

/** States in which the token still opens the record. */
export const isHeld = (state: StoredState): boolean => state === 'IN_PROGRESS' || state === 'UNKNOWN';

/** Final: nothing overwrites it. */
export const isOutcome = ({ state }: StoredRecord): boolean => state === 'COMPLETED' || state === 'FAILED';

/** The lease's last live millisecond is `leaseExpireMs` - 1. */
export const isLive = (record: StoredRecord, nowMs: EpochMs): boolean =>
  record.state === 'IN_PROGRESS' && nowMs < record.leaseExpireMs;

/** The record's last present millisecond is `expireMs` - 1; from then on it is the same as no record. */
export const isExpired = (record: StoredRecord, nowMs: EpochMs): boolean => nowMs >= record.expireMs;

/**
 * A record may be deleted only when this holds. A key that is claimed anew starts at the clock: before, it could repeat the
 * record's revision, or its fencing token, which is never greater.
 */
export const isBehindClock = (record: StoredRecord, nowMs: EpochMs): boolean => record.revision < nowMs;

/** Since when and why nobody knows whether the side effect happened; undefined when somebody does. */
export function orphanOf(record: StoredRecord, nowMs: EpochMs): Orphan | undefined {
  if (isExpired(record, nowMs)) return undefined;
  if (record.state === 'UNKNOWN') return { sinceMs: record.settleMs, cause: 'HOLDER_UNKNOWN' };
  if (record.state === 'IN_PROGRESS' && !isLive(record, nowMs)) {
    return { sinceMs: record.leaseExpireMs, cause: 'LEASE_EXPIRED' };
  }
  return undefined;
}

/** True unless both sides carry fingerprints and none of them is the same scheme and digest. */
export function fingerprintsAgree(stored: readonly Fingerprint[], asked: readonly Fingerprint[]): boolean {
  if (stored.length === 0 || asked.length === 0) return true;
  return asked.some((a) => stored.some((s) => s.scheme === a.scheme && bytesEqual(s.digest, a.digest)));
}

function joinFingerprints(stored: readonly Fingerprint[], asked: readonly Fingerprint[]): readonly Fingerprint[] {
  const fresh = asked.filter((a) => !stored.some((s) => s.scheme === a.scheme));
  return fresh.length === 0 ? stored : [...fresh, ...stored].slice(0, FINGERPRINTS_MAX);
}

function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
