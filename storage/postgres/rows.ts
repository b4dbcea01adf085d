// Rows as answers and records.

import {
  applyClaim,
  durationMs,
  epochMs,
  type AttemptOrigin,
  type ClaimRequest,
  type EpochMs,
  type LeaseToken,
  type RecordId,
  type StoredRecord,
  type StoredState,
} from '../contract/index.ts';
import type { Asked, Batch } from './parameters.ts';
import { bytesOf, claimOf, errorOf, outcomeOf, textOf } from './columns.ts';

/** A row as text. Of the hot verbs in the order of onced_store.answer. */
export type Row = readonly (string | null)[];

export interface Answer {
  readonly applied: boolean;
  readonly nowMs: EpochMs;
  readonly replacedExpired: boolean;
  readonly record: StoredRecord | undefined;
}

/** `busy`: another transaction holds the row, so nothing was judged. Undefined: there was no row for it. */
export type Answered<Result> = Result | 'busy' | undefined;

const RECORD_AT = 5;

/** One row an operation, in any order. */
export function answersOf(rows: readonly Row[], batch: Batch<RecordId>): Answered<Answer>[] {
  const answers = new Map(rows.map((row) => [placeOf(row), row]));
  return batch.map(({ request }, place) => {
    const row = answers.get(place);
    return row === undefined ? undefined : answerOf(row, request);
  });
}

function answerOf(row: Row, id: RecordId): Answer | 'busy' {
  const [, applied, busy, nowMs, replacedExpired] = row;
  if (busy === 't') return 'busy';
  return {
    applied: applied === 't',
    nowMs: epochMs(Number(nowMs)),
    replacedExpired: replacedExpired === 't',
    record: row[RECORD_AT] === null ? undefined : recordOf(id, row, RECORD_AT),
  };
}

/** First the clock and how many made a new record, then a row for each of the others. */
export function claimAnswers([summary, ...rows]: readonly Row[], batch: Batch<ClaimRequest>): Answered<Answer>[] {
  const [, , , clockMs, , , , freshCount] = summary ?? [];
  // What a new record holds was said by the caller, so it is not sent back; but nobody acquires by an answer gone astray.
  if (Number(freshCount) + rows.length !== batch.length) {
    throw new Error(`Postgres answered for ${freshCount} + ${rows.length} claims of ${batch.length}`);
  }
  const clock = epochMs(Number(clockMs));
  return answersOf(rows, batch).map((answer, place) => answer ?? freshAnswer(batch[place], clock));
}

function freshAnswer(asked: Asked<ClaimRequest> | undefined, clock: EpochMs): Answered<Answer> {
  if (asked === undefined) return undefined;
  const nowMs = asked.nowMs ?? clock;
  const record = applyClaim(asked.request, undefined, nowMs);
  return { applied: record !== undefined, nowMs, replacedExpired: false, record };
}

export function removals(rows: readonly Row[], batch: Batch<unknown>): Answered<boolean>[] {
  const answers = new Map(rows.map((row) => [placeOf(row), row[2] === 't' ? 'busy' : row[1] === 't'] as const));
  return batch.map((_, place) => answers.get(place));
}

const placeOf = (row: Row): number => Number(row[0]) - 1;

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
