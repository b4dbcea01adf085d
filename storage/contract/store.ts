// The store interface: what every store promises, verb by verb. test/conformance holds the proof of each sentence.
//
// A store knows three things about a record and no more: whether it is expired at now, whether it still carries the
// revision that the caller saw, and whether it is held by the caller's token. Everything else is decided in decide.ts
// by the caller, who then asks for a write guarded by one of these.

import type {
  DurationMs,
  EpochMs,
  Fingerprint,
  IntentError,
  Labels,
  LeaseToken,
  Namespace,
  RecordId,
  StoredRecord,
  StoredState,
} from './types.ts';

export interface VerbOptions {
  /** Replaces the store's clock for this call. For tests; a server never sets it. */
  readonly nowMs?: EpochMs;
  /** When it fires before the store began to write, the verb rejects with StoreError `cancelled` and nothing was written. */
  readonly signal?: AbortSignal;
}

/** What a guarded write found. `record` is what stands after the call, whether written by it or not. */
export interface Written {
  readonly applied: boolean;
  /** The store's clock when it judged, stamped once per operation. */
  readonly nowMs: EpochMs;
  /** Without result bytes unless `applied` is false (a caller that lost needs the outcome to replay). */
  readonly record: StoredRecord | undefined;
}

export interface Found {
  readonly nowMs: EpochMs;
  readonly record: StoredRecord | undefined;
}

/** How long things are kept. `graceMs` is the late-retry grace: how long an expired remnant may stay to be recognised. */
export interface Retention {
  readonly ttlMs: DurationMs;
  readonly graceMs: DurationMs;
}

export interface ClaimRequest extends RecordId {
  /**
   * `absent`: write only if there is no record or it is expired at now; starts at attempt 1 with everything else reset.
   * A number: write only if the record stands at this revision and is not expired; adds one attempt, and keeps
   * checkpoint, error and createMs.
   */
  readonly expected: 'absent' | number;
  readonly fingerprints: readonly Fingerprint[];
  readonly labels: Labels;
  readonly attemptId: string;
  readonly owner: string;
  readonly leaseToken: LeaseToken;
  readonly leaseMs: DurationMs;
  /** How long after its lease an abandoned record stays: the ttl, or the orphan ttl under HOLD. */
  readonly orphanTtlMs: DurationMs;
  readonly retention: Retention;
}

export interface ClaimResult extends Written {
  /** True when the claim replaced an expired record that was still there (then attemptOrigin is LATE_RETRY). */
  readonly replacedExpired: boolean;
}

/** Who may write: the holder of the token, or (for operators and reconcilers) whoever saw the record last. */
export type Guard =
  | { readonly kind: 'token'; readonly leaseToken: LeaseToken }
  | { readonly kind: 'revision'; readonly revision: number };

export interface ExtendRequest extends RecordId {
  readonly guard: Guard;
  /** Undefined leaves the lease as it is (a checkpoint without a lease). */
  readonly leaseMs: DurationMs | undefined;
  /** The new deadline is never later than `holdStartMs` + this. */
  readonly holdMsMax: DurationMs;
  /** As in a claim. Undefined: the ttl that the record was claimed with. */
  readonly orphanTtlMs: DurationMs | undefined;
  readonly graceMs: DurationMs;
  /** Undefined leaves the checkpoint as it is. */
  readonly checkpoint: Uint8Array | undefined;
}

export type Settlement =
  | {
      readonly kind: 'completed';
      readonly result: Uint8Array;
      readonly contentType: string;
      readonly contentEncoding: string;
      readonly labels: Labels;
      readonly resultTtlMs: DurationMs;
    }
  | { readonly kind: 'failed'; readonly error: IntentError }
  | { readonly kind: 'released'; readonly error: IntentError | undefined; readonly retryAfterMs: DurationMs }
  | { readonly kind: 'unknown'; readonly error: IntentError | undefined };

export interface SettleRequest extends RecordId {
  readonly guard: Guard;
  readonly settlement: Settlement;
  readonly settleDigest: string;
  /** Undefined: the ttl that the record was claimed with. For `unknown` give the policy's orphan ttl; it is not kept. */
  readonly ttlMs: DurationMs | undefined;
  readonly graceMs: DurationMs;
}

export interface ReadRequest extends RecordId {
  readonly includeResult: boolean;
}

/** All given conditions must hold. Expired records never match, unless `includeExpired`. */
export interface ListFilter {
  /** Exactly this namespace; undefined lists all. */
  readonly namespace?: Namespace;
  readonly states?: readonly StoredState[];
  /** Only orphans at now: IN_PROGRESS with the lease over, or UNKNOWN. */
  readonly orphanedOnly?: boolean;
  readonly keyPrefix?: string;
  readonly owner?: string;
  /** Only records whose last write (updateMs) is at least this long ago. */
  readonly ageMsMin?: DurationMs;
  readonly includeExpired?: boolean;
}

export interface ListRequest extends ListFilter {
  readonly limit: number;
  /** The cursor of the page before; opaque, made by this store. */
  readonly after?: string;
}

export interface ListPage {
  readonly nowMs: EpochMs;
  /** At most `limit`, fewer or none where the store looked at enough; in a stable order of its own; results are left out. */
  readonly records: readonly StoredRecord[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

export interface RemoveRequest extends RecordId {
  /** The record goes only while it stands at this revision. */
  readonly revision: number;
  /** Without it a live lease is never removed. */
  readonly force: boolean;
}

export interface CompactRequest {
  /** At most this many records are touched, oldest first. */
  readonly limit: number;
  /** A store in which everybody waits behind this call ends it after so long, with one record touched or more. */
  readonly msMax?: number;
  /** Records of these namespaces are left alone (they are archived before they go). */
  readonly exceptNamespaces?: readonly Namespace[];
}

export interface CompactResult {
  readonly nowMs: EpochMs;
  readonly resultsDropped: number;
  readonly recordsRemoved: number;
  /** More is due: call again. */
  readonly more: boolean;
  /** How long the oldest due work has been due after this call; 0 when nothing is. */
  readonly lagMs: DurationMs;
}

export interface StoreStats {
  readonly nowMs: EpochMs;
  readonly groups: readonly {
    readonly namespace: Namespace;
    readonly state: StoredState;
    readonly records: number;
    readonly bytes: number;
  }[];
  readonly orphans: number;
  /** Since when the oldest orphan has been one; undefined without orphans. */
  readonly oldestOrphanMs: EpochMs | undefined;
  /** Size of the store as the operating system or engine sees it; undefined where it cannot be told. */
  readonly storeBytes: number | undefined;
}

/** What an acknowledgement means on this store, for GetServerInfo, the start-up log and the console. */
export interface StoreDescription {
  /** A store of somebody else's has a word of its own. */
  readonly kind: 'memory' | 'sqlite' | 'postgres' | 'redis' | 'redis-cluster' | (string & Record<never, never>);
  /** One sentence: what survives once a call was answered. */
  readonly acknowledged: string;
  /** Named durability level (`disk`, `replica`, `cache`, `none`). */
  readonly tier: string;
  /** Where it is, without credentials. */
  readonly location: string;
}

/** A change of a record that somebody may wait for. `settled` wakes all who wait for the key, the others one. */
export interface RecordChange extends RecordId {
  readonly settled: boolean;
}

export interface Store {
  readonly description: StoreDescription;
  readonly registry: Registry;

  /**
   * Takes the lease if the expectation holds, in one atomic step. Stamps leaseExpireMs = now + leaseMs, holdStartMs =
   * now, fencingToken and revision = max(their previous + 1, now), expireMs = leaseExpireMs + orphanTtlMs, and
   * purgeMs = expireMs + graceMs; and attemptOrigin: FRESH without a record, LATE_RETRY over an expired one, RELEASED over
   * a RELEASED one, TAKEN_OVER over any other. Of any number of concurrent claims with the same expectation, one is applied.
   */
  claim(request: ClaimRequest, options?: VerbOptions): Promise<ClaimResult>;

  /**
   * Moves the lease and/or saves a checkpoint, if the record is IN_PROGRESS or UNKNOWN, not expired, and the guard fits.
   * The state stays. A lease that is over but was not taken over may be extended. The new lease counts from now, may be
   * shorter than the old, and moves expireMs and purgeMs with it while IN_PROGRESS: the later of now and leaseExpireMs,
   * plus the ttl.
   */
  extend(request: ExtendRequest, options?: VerbOptions): Promise<Written>;

  /**
   * Records how the attempt ended, if the record is IN_PROGRESS or UNKNOWN, not expired, and the guard fits (a revision
   * guard also settles RELEASED). Stamps settleMs = now, expireMs = now + ttl, purgeMs = expireMs + graceMs;
   * `completed` also resultExpireMs = the sooner of now + resultTtlMs and expireMs; `released` retryMs = now + retryAfterMs. A settlement without
   * an error keeps the record's last error, `completed` excepted. The checkpoint is kept by `released` and `unknown`.
   */
  settle(request: SettleRequest, options?: VerbOptions): Promise<Written>;

  /** The record as it stands, expired ones included until they are purged (the caller judges by nowMs). */
  read(request: ReadRequest, options?: VerbOptions): Promise<Found>;

  /** One page of records. A record that is not written meanwhile is seen exactly once over all pages. */
  list(request: ListRequest, options?: VerbOptions): Promise<ListPage>;

  /**
   * Deletes one record under its conditions, and only once the clock is past its revision: before, mostly for a millisecond, the
   * key's next claim could repeat a number. A store in which claims run beside removals keeps a record for as long as a claim
   * may take, 100 ms at most; not under `nowMs`. False when they did not hold; the record then stands as it was.
   */
  remove(request: RemoveRequest, options?: VerbOptions): Promise<boolean>;

  /**
   * Drops result bytes past resultExpireMs and deletes records past purgeMs, oldest first, conditions checked in the
   * deleting statement. Never touches a live lease or an outcome within its time. A record past purgeMs is not due before the
   * clock is past its revision, as in remove. Resumable: keeps no place.
   */
  compact(request: CompactRequest, options?: VerbOptions): Promise<CompactResult>;

  /** Counts; may be a few seconds old. */
  stats(options?: VerbOptions): Promise<StoreStats>;

  /** Resolves once a real write path answered; rejects with StoreError when the store cannot do its job now. */
  ping(options?: VerbOptions): Promise<void>;

  /**
   * False while there is no connection to the store at all and calls wait for one. May be left out where none is kept, or where
   * calls then fail at once.
   */
  isConnected?(): boolean;

  /**
   * Tells the listener of changes made through *other* servers, as soon as the store can push them. A store that has
   * no push, or only one server, may never call it. Returns the way to stop.
   */
  onRemoteChange(listener: (change: RecordChange) => void): () => void;

  /** Finishes what is queued, then lets go of files, sockets and threads. */
  close(): Promise<void>;
}

/** A small shared document: a namespace policy, an API key, an audit event. `value` is JSON text of at most 64 KiB. */
export interface RegistryEntry {
  readonly collection: string;
  readonly name: string;
  /** 1 for the first write, then one more each. */
  readonly revision: number;
  readonly value: string;
}

export interface RegistryPut {
  readonly collection: string;
  readonly name: string;
  readonly value: string;
  /** 0: only if there is no such entry. A number: only at this revision. Undefined: whatever stands. */
  readonly expectedRevision?: number;
}

/** Few, small, seldom written documents beside the records. As durable as an outcome is on this store. */
export interface Registry {
  get(id: { readonly collection: string; readonly name: string }): Promise<RegistryEntry | undefined>;
  /** The entry as written, or undefined when the expectation did not hold. */
  put(put: RegistryPut): Promise<RegistryEntry | undefined>;
  /** False when the entry is not there or not at this revision. */
  remove(id: {
    readonly collection: string;
    readonly name: string;
    readonly expectedRevision?: number;
  }): Promise<boolean>;
  /** Entries in ascending order of name (bytewise), names greater than `after`, at most `limit`. */
  list(query: {
    readonly collection: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly RegistryEntry[]>;
}
