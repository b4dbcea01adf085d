// What travels between the main thread and the writer. Structured cloning of a request object costs about four
// microseconds and of a flat array of strings and numbers less than one, so the four verbs of the hot path travel as
// arrays. Bytes travel as latin1 strings: a clone of a view would copy the whole buffer that it looks into.

import type {
  CompactRequest,
  ListRequest,
  RegistryEntry,
  RegistryPut,
  RemoveRequest,
  StoreErrorKind,
} from '../contract/index.ts';

export type Cell = string | number | null;

/** The second place of each operation: the instant to judge by, or this for the store's clock. */
export const BY_THE_CLOCK = -1;
/** `expected` of a claim that wants no record, a duration that is left open, a record that the asker does not have. */
export const ABSENT = -1;

export type ClaimOperation = readonly [
  verb: 'claim',
  nowMs: number,
  namespace: string,
  key: string,
  expected: number,
  fingerprints: string,
  labels: string,
  attemptId: string,
  owner: string,
  leaseToken: string,
  leaseMs: number,
  orphanTtlMs: number,
  ttlMs: number,
  graceMs: number,
];

export type ExtendOperation = readonly [
  verb: 'extend',
  nowMs: number,
  namespace: string,
  key: string,
  guard: string | number,
  leaseMs: number,
  holdMsMax: number,
  /** ABSENT: the ttl of the record. */
  orphanTtlMs: number,
  graceMs: number,
  checkpoint: string | null,
  knownRevision: number,
];

export type SettleOperation = readonly [
  verb: 'settle',
  nowMs: number,
  namespace: string,
  key: string,
  guard: string | number,
  settleDigest: string,
  ttlMs: number,
  graceMs: number,
  kind: 'completed' | 'failed' | 'released' | 'unknown',
  /** completed: result. Otherwise the error, packed. */
  content: string | null,
  /** completed: how long the bytes are kept. released: the delay before a retry. */
  durationMs: number,
  contentType: string,
  contentEncoding: string,
  labels: string,
  knownRevision: number,
];

export type ReadOperation = readonly [verb: 'read', nowMs: number, namespace: string, key: string, withResult: boolean];

export type HotOperation = ClaimOperation | ExtendOperation | SettleOperation | ReadOperation;

/** The seldom ones travel as they are. */
export type ColdOperation =
  | readonly [verb: 'list', nowMs: number, request: ListRequest]
  | readonly [verb: 'remove', nowMs: number, request: RemoveRequest]
  | readonly [verb: 'compact', nowMs: number, request: CompactRequest]
  | readonly [verb: 'stats', nowMs: number]
  | readonly [verb: 'ping', nowMs: number]
  | readonly [verb: 'registry-get', nowMs: number, id: Pick<RegistryEntry, 'collection' | 'name'>]
  | readonly [verb: 'registry-put', nowMs: number, put: RegistryPut]
  | readonly [verb: 'registry-remove', nowMs: number, id: Omit<RegistryPut, 'value'>]
  | readonly [verb: 'registry-list', nowMs: number, query: { collection: string; after?: string; limit: number }];

export type Operation = HotOperation | ColdOperation;

/**
 * The answer to a hot operation. The row is what stood *before*; the main thread makes the written record of it with
 * the same pure function that the writer used, which is cheaper than sending the new row.
 */
export type RecordReply = readonly [
  kind: 'record',
  nowMs: number,
  applied: boolean,
  row: readonly Cell[] | null,
  result: string | null,
];
/**
 * In its place the instant alone: it was applied, and what stood is known to who asked. Nothing, for a claim; otherwise the
 * record of the revision that came along. The usual answers, at a fifth of the price of sending a row of nulls.
 */
export type AppliedReply = number;
export type ValueReply = readonly [kind: 'value', value: unknown];
/** `bug`: the fault is ours, not the disk's. */
export type FailedReply = readonly [kind: 'failed', error: StoreErrorKind | 'bug', message: string, cause: string];
export type HotReply = AppliedReply | RecordReply;
export type Reply = HotReply | ValueReply | FailedReply;

export type ToWriter =
  | { readonly kind: 'operations'; readonly operations: readonly Operation[] }
  /** Sequence numbers (counted from the first operation ever sent) of operations that nobody wants any more. */
  | { readonly kind: 'cancel'; readonly sequences: readonly number[] }
  | { readonly kind: 'close' };

export type FromWriter =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly message: string }
  /** In the order in which the operations were sent. */
  | { readonly kind: 'replies'; readonly replies: readonly Reply[] }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly message: string }
  | { readonly kind: 'fatal'; readonly message: string }
  | { readonly kind: 'closed' };
