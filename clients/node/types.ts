// What callers give and get. Durations are milliseconds, instants are milliseconds since 1970; both end in Ms.

import type { Fingerprint } from './fingerprint/canonical-json.ts';

export type Labels = Readonly<Record<string, string>>;

/** For every call. */
export interface CallOptions {
  /** Milliseconds for all tries together. Default: 2,000 (plus `waitMs` for begin), 1,000 for lookup, 5,000 for complete and fail. */
  readonly timeoutMs?: number;
  /** Ends the wait for an answer; what was sent may still take effect. */
  readonly signal?: AbortSignal;
}

export interface BeginRequest {
  /** 1 to 128 of a-z 0-9 . _ - / */
  readonly namespace: string;
  /** Name of the logical operation: made once, kept over all retries. 1 to 512 bytes of UTF-8. */
  readonly key: string;
  /** Up to 4, of different schemes. Default: none, so that a key reused for another request goes unnoticed. */
  readonly fingerprints?: readonly Fingerprint[];
  /** Random name of this try. Give one to be able to repeat the call yourself. 1 to 64 bytes. Default: a fresh UUID. */
  readonly attemptId?: string;
  /** Who asks, for people. Up to 256 bytes. Default: the client's `owner`. */
  readonly owner?: string;
  /** Milliseconds that the lease lasts without renew. 100 to 86,400,000. Default: the namespace's (30,000). */
  readonly leaseMs?: number;
  /** Milliseconds that the outcome is kept. 1,000 to 34,560,000,000 (400 days). Default: the namespace's (a day). */
  readonly ttlMs?: number;
  /** Milliseconds to wait for somebody else's outcome. 0 to 60,000. Default: 0. */
  readonly waitMs?: number;
  /** For people and tools. Up to 16 of 64 + 256 bytes. Default: none. */
  readonly labels?: Labels;
}

/** What to do now. Do the side effect for `acquired` only; treat a kind that you do not know like `in-progress`. */
export type BeginAnswer = Acquired | Completed | Failed | InProgress | RetryLater | Orphaned;

/** You hold the lease. */
export interface Acquired {
  readonly kind: 'acquired';
  /** The attempt id of this try, for a repeat. Empty for a claimed orphan. */
  readonly attemptId: string;
  /** Secret; proof of holding the lease. 16 bytes. */
  readonly leaseToken: Uint8Array;
  /** Grows with every attempt of the key, for ever. Hand it to the system that does the side effect. */
  readonly fencingToken: number;
  readonly attempt: number;
  /** Milliseconds left, counted from when the request was sent. */
  readonly leaseRemainingMs: number;
  /** When the lease runs out on this process's performance.now(). */
  readonly leaseUntilMonotonicMs: number;
  readonly leaseExpireMs: number;
  /** An earlier attempt lost its lease: its side effect may have happened. */
  readonly takenOver: boolean;
  /** What an earlier attempt saved. */
  readonly checkpoint: Uint8Array | undefined;
  readonly lastError: IntentError | undefined;
  /** The store is out of reach and the namespace chose to go on: nothing protects this attempt. */
  readonly degraded: boolean;
  /** The key had been seen before and its record had expired. */
  readonly lateRetry: boolean;
  readonly expireMs: number;
}

/** It was done. */
export interface Completed {
  readonly kind: 'completed';
  readonly result: Uint8Array;
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly labels: Labels;
  /** The bytes were dropped after their retention. */
  readonly resultDropped: boolean;
  readonly attempt: number;
  readonly fencingToken: number;
  readonly createMs: number;
  readonly completeMs: number;
  readonly expireMs: number;
  readonly resultExpireMs: number | undefined;
}

/** It failed for good. */
export interface Failed {
  readonly kind: 'failed';
  readonly error: IntentError;
  /** No attempt failed for good: the namespace's allowed attempts are used up. */
  readonly attemptsExhausted: boolean;
  readonly attempt: number;
  readonly fencingToken: number;
  readonly createMs: number;
  readonly failMs: number;
  readonly expireMs: number;
}

/** Somebody else holds a live lease. */
export interface InProgress {
  readonly kind: 'in-progress';
  readonly attempt: number;
  readonly owner: string;
  readonly leaseExpireMs: number;
  readonly retryAfterMs: number;
  readonly expireMs: number;
}

/** The last attempt was released with a delay. */
export interface RetryLater {
  readonly kind: 'retry-later';
  readonly retryAfterMs: number;
  readonly attempt: number;
  readonly lastError: IntentError | undefined;
  readonly expireMs: number;
}

/** Nobody knows whether the side effect happened, and no new attempt may start. */
export interface Orphaned {
  readonly kind: 'orphaned';
  readonly orphan: Orphan;
  readonly attempt: number;
  readonly owner: string;
  readonly lastError: IntentError | undefined;
  readonly expireMs: number;
}

export interface Orphan {
  readonly sinceMs: number;
  readonly cause: 'lease-expired' | 'holder-unknown';
}

export interface IntentError {
  /** For programs. 1 to 128 bytes. */
  readonly code: string;
  /** For people. Up to 1,024 bytes. */
  readonly message: string;
  /** Anything else. Up to 4 KiB. Default: empty. */
  readonly detail?: Uint8Array;
  /** Media type of `detail`. Default: empty. */
  readonly contentType?: string;
}

/** Names a lease: as begun, with the token that begin answered. */
export interface LeaseHold {
  readonly namespace: string;
  readonly key: string;
  readonly leaseToken: Uint8Array;
}

export interface CompleteRequest extends LeaseHold {
  /** Replayed byte for byte. Up to the namespace's limit (256 KiB). Empty is a result too. */
  readonly result: Uint8Array;
  /** Media type. Default: empty. */
  readonly contentType?: string;
  /** Encoding, such as gzip. Default: empty. */
  readonly contentEncoding?: string;
  /** Replayed with the result. Default: none. */
  readonly labels?: Labels;
  /** Milliseconds that the outcome is kept. Default: as begun. */
  readonly ttlMs?: number;
}

/** retryable: it did not happen, another attempt may start. final: it will never happen. unknown: held for review. */
export type FailKind = 'retryable' | 'final' | 'unknown';

export interface FailRequest extends LeaseHold {
  readonly kind: FailKind;
  /** Required for `final`. */
  readonly error?: IntentError;
  /** Milliseconds before which no new attempt starts; for `retryable` only. Default: 0. */
  readonly retryAfterMs?: number;
  /** Milliseconds that the record is kept. Default: as begun (`unknown`: the namespace's orphan ttl). */
  readonly ttlMs?: number;
}

export interface Settled {
  readonly record: RecordSummary;
  /** An earlier call with the same token and content had already recorded it. */
  readonly alreadyApplied: boolean;
  /** The store is out of reach; the outcome is safe in the server's journal. */
  readonly journaled: boolean;
}

export interface LookupRequest {
  readonly namespace: string;
  readonly key: string;
  /** Also return the result bytes. Default: false. */
  readonly includeResult?: boolean;
}

export interface RenewRequest extends LeaseHold {
  /** The new lease in milliseconds, counted from now. Default: the namespace's. */
  readonly leaseMs?: number;
}

export interface CheckpointRequest extends RenewRequest {
  /** Up to 16 KiB; replaces what was saved before. */
  readonly data: Uint8Array;
}

export interface Extended {
  /** Milliseconds left, counted from when the request was sent. */
  readonly leaseRemainingMs: number;
  /** When the lease runs out on this process's performance.now(). */
  readonly leaseUntilMonotonicMs: number;
  readonly leaseExpireMs: number;
  readonly expireMs: number;
}

export interface Checkpointed extends Extended {
  /** The store is out of reach; the checkpoint is safe in the server's journal, and the lease in the store as it was. */
  readonly journaled: boolean;
}

export type IntentState = 'in-progress' | 'completed' | 'failed' | 'released' | 'unknown' | 'orphaned';

export interface RecordSummary {
  readonly namespace: string;
  readonly key: string;
  readonly state: IntentState;
  readonly attempt: number;
  readonly fencingToken: number;
  readonly createMs: number;
  readonly updateMs: number;
  readonly settleMs: number | undefined;
  readonly expireMs: number;
  readonly resultExpireMs: number | undefined;
}

export interface IntentRecord extends RecordSummary {
  readonly fingerprints: readonly Fingerprint[];
  readonly labels: Labels;
  readonly owner: string;
  readonly leaseExpireMs: number | undefined;
  readonly leaseRemainingMs: number;
  readonly orphan: Orphan | undefined;
  readonly checkpoint: Uint8Array | undefined;
  /** Present when asked for, completed and not dropped. */
  readonly result: Uint8Array | undefined;
  readonly resultBytes: number;
  readonly resultDropped: boolean;
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly outcomeLabels: Labels;
  /** The outcome of a failed record, else the error of the last attempt that failed. */
  readonly error: IntentError | undefined;
  readonly retryMs: number | undefined;
  readonly revision: number;
}

export interface WatchEvent {
  readonly record: IntentRecord;
  /** The outcome is reached: the last event. */
  readonly isFinal: boolean;
}

export interface IssueKeysRequest {
  readonly namespace: string;
  /** 1 to 1,000. Default: 1. */
  readonly count?: number;
  /** Milliseconds within which a key must be begun for the first time. Default: a day. */
  readonly ttlMs?: number;
}

export interface IssuedKeys {
  readonly keys: readonly string[];
  readonly expireMs: number;
}

export interface ClaimOrphansRequest {
  readonly namespace: string;
  /** 1 to 100. Default: 10. */
  readonly limit?: number;
  /** Lease of each in milliseconds. Default: the namespace's. */
  readonly leaseMs?: number;
  /** Who reconciles, for people. Default: the client's `owner`. */
  readonly owner?: string;
}

export interface ClaimedOrphan {
  /** As it stood before. */
  readonly record: IntentRecord;
  readonly acquired: Acquired;
}

export interface ServerInfo {
  readonly version: string;
  readonly capabilities: readonly string[];
  readonly store: string;
  /** Durability of the store: none, cache, disk, replica. */
  readonly tier: string;
  /** One sentence: what survives once a call was answered. */
  readonly acknowledged: string;
  readonly serverMs: number;
  readonly requestBytesMax: number;
  readonly sessionInFlightMax: number;
}

/** The calls that an attempt makes, over whatever transport. */
export interface IntentCalls {
  begin(request: BeginRequest, options?: CallOptions): Promise<BeginAnswer>;
  complete(request: CompleteRequest, options?: CallOptions): Promise<Settled>;
  fail(request: FailRequest, options?: CallOptions): Promise<Settled>;
  renew(request: RenewRequest, options?: CallOptions): Promise<Extended>;
  checkpoint(request: CheckpointRequest, options?: CallOptions): Promise<Checkpointed>;
}
