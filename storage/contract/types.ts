// The words of the contract as types. Everything here is plain data: no driver, no protobuf, no clock.
// Instants are milliseconds since the Unix epoch on the store's clock; durations are milliseconds.

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A tenant's room. Validated at the edge (server/validate); a store never checks it again. */
export type Namespace = Brand<string, 'Namespace'>;
/** The caller's name for one logical operation. Compared byte for byte as UTF-8, never normalised. */
export type Key = Brand<string, 'Key'>;
/** 128 random bits as 32 lower-case hex digits: proof of holding a lease. Never logged, never listed. */
export type LeaseToken = Brand<string, 'LeaseToken'>;
/** An instant of the store's clock. */
export type EpochMs = Brand<number, 'EpochMs'>;
/** A length of time. */
export type DurationMs = Brand<number, 'DurationMs'>;

export const epochMs = (value: number): EpochMs => value as EpochMs;
export const durationMs = (value: number): DurationMs => value as DurationMs;
export const addMs = (instant: EpochMs, duration: DurationMs): EpochMs => (instant + duration) as EpochMs;

/** What a store keeps; ORPHANED and expired are derived when read (see decide.ts). */
export type StoredState = 'IN_PROGRESS' | 'COMPLETED' | 'FAILED' | 'RELEASED' | 'UNKNOWN';
export const STORED_STATES: readonly StoredState[] = ['IN_PROGRESS', 'COMPLETED', 'FAILED', 'RELEASED', 'UNKNOWN'];

/**
 * How an attempt came to be: on a key never seen, on one whose record had expired (a retry too late to be deduped), after
 * a release, or by taking over from a holder of whom nobody knows what it did. Kept, so that a repeated begin says it too.
 */
export type AttemptOrigin = 'FRESH' | 'LATE_RETRY' | 'RELEASED' | 'TAKEN_OVER';

/** Hash of the request that a key stands for, with the name of the scheme that made it. */
export interface Fingerprint {
  readonly scheme: string;
  readonly digest: Uint8Array;
}

/** Why an attempt ended without a result, in the caller's words. `detail` is opaque bytes of `contentType`. */
export interface IntentError {
  readonly code: string;
  readonly message: string;
  readonly detail: Uint8Array;
  readonly contentType: string;
}

export type Labels = Readonly<Record<string, string>>;

export interface RecordId {
  readonly namespace: Namespace;
  readonly key: Key;
}

/** A record as one text, to be looked up by. NUL cannot stand in a namespace, so no two ids share a name. */
export const nameOf = ({ namespace, key }: RecordId): string => `${namespace}\0${key}`;

/** What the store keeps for a key. A record is replaced whole on each write; `revision` counts the writes. */
export interface StoredRecord extends RecordId {
  readonly state: StoredState;
  /**
   * Grows with every write of this key, by 1, and at a claim to max(previous + 1, now): never repeats, even after a purge, since
   * a record goes only once the clock is past it.
   */
  readonly revision: number;
  readonly fingerprints: readonly Fingerprint[];
  readonly labels: Labels;

  readonly attempt: number;
  readonly attemptId: string;
  readonly attemptOrigin: AttemptOrigin;
  readonly owner: string;
  readonly leaseToken: LeaseToken;
  /** Grows at every claim of this key to max(previous + 1, now), even after a purge; never more than `revision`. */
  readonly fencingToken: number;
  readonly leaseExpireMs: EpochMs;
  /** When this attempt acquired; renewals may not carry the lease past `holdStartMs` + the policy's total hold. */
  readonly holdStartMs: EpochMs;

  readonly checkpoint: Uint8Array | undefined;
  /** The error of the last attempt that failed; of the outcome itself when the state is FAILED. */
  readonly error: IntentError | undefined;
  /** RELEASED: not before this instant. 0 otherwise. */
  readonly retryMs: EpochMs;

  /** Bytes of a COMPLETED record. Undefined when dropped (a tombstone) or not asked for. */
  readonly result: Uint8Array | undefined;
  readonly resultBytes: number;
  readonly resultDropped: boolean;
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly outcomeLabels: Labels;
  /** SHA-256 (hex) over the settling call's content; tells a repeat from a contradiction even on a tombstone. */
  readonly settleDigest: string;

  readonly createMs: EpochMs;
  /** The last claim, extend or settle. Compaction leaves it alone, though it counts in `revision`. */
  readonly updateMs: EpochMs;
  /** When the outcome, release or unknown was recorded. 0 while in progress. */
  readonly settleMs: EpochMs;
  /** Retention of a settled record, as asked by the holder or the policy. */
  readonly ttlMs: DurationMs;
  /** From here on the record counts as absent. */
  readonly expireMs: EpochMs;
  /** From here on the result bytes may be dropped. 0 when there are none to drop. */
  readonly resultExpireMs: EpochMs;
  /** From here on the row itself may go (`expireMs` + late-retry grace). */
  readonly purgeMs: EpochMs;
}
