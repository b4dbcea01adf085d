// Rows as answers and records.

import {
  durationMs,
  epochMs,
  type AttemptOrigin,
  type EpochMs,
  type LeaseToken,
  type RecordId,
  type StoredRecord,
  type StoredState,
} from '../contract/index.ts';
import { bytesOf, claimOf, errorOf, outcomeOf, textOf } from './columns.ts';

/** A row as text. Of the hot verbs in the order of onced_store.answer. */
export type Row = readonly (string | null)[];

export interface Answer {
  readonly applied: boolean;
  readonly busy: boolean;
  readonly nowMs: EpochMs;
  readonly replacedExpired: boolean;
  readonly record: StoredRecord | undefined;
}

const RECORD_AT = 5;

export function answerOf(row: Row, id: RecordId): Answer {
  return {
    applied: row[1] === 't',
    busy: row[2] === 't',
    nowMs: epochMs(Number(row[3])),
    replacedExpired: row[4] === 't',
    record: row[RECORD_AT] === null ? undefined : recordOf(id, row, RECORD_AT),
  };
}

/** The record whose columns start at `at`. */
export function recordOf({ namespace, key }: RecordId, row: Row, at: number): StoredRecord {
  const text = (column: number): string => row[at + column] ?? '';
  const number = (column: number): number => Number(row[at + column]);
  const instant = (column: number): EpochMs => epochMs(number(column));
  const binary = (column: number): Uint8Array | undefined => bytesOf(row[at + column]);
  const claim = claimOf(row[at + 17]);
  const outcome = outcomeOf(row[at + 20]);
  return {
    namespace,
    key,
    state: text(0) as StoredState,
    revision: number(1),
    fingerprints: claim.fingerprints,
    labels: claim.labels,
    attempt: number(2),
    attemptId: claim.attemptId,
    attemptOrigin: text(3) as AttemptOrigin,
    owner: textOf(row[at + 16]),
    leaseToken: text(5) as LeaseToken,
    fencingToken: number(4),
    leaseExpireMs: instant(6),
    holdStartMs: instant(7),
    checkpoint: binary(18),
    error: errorOf(row[at + 19]),
    retryMs: instant(11),
    result: binary(22),
    resultBytes: number(23),
    resultDropped: text(24) === 't',
    contentType: outcome.contentType,
    contentEncoding: outcome.contentEncoding,
    outcomeLabels: outcome.labels,
    settleDigest: text(21),
    createMs: instant(8),
    updateMs: instant(9),
    settleMs: instant(10),
    ttlMs: durationMs(number(12)),
    expireMs: instant(13),
    resultExpireMs: instant(14),
    purgeMs: instant(15),
  };
}
