// The one place where the driver's errors get a meaning. When in doubt a write is unknown: Postgres may have committed it.

import { DatabaseError } from 'pg';
import { StoreError, type StoreErrorKind } from '../contract/index.ts';

/**
 * What a failed call means for the operations in it: `retry` and `split` were rolled back and may succeed when asked again
 * (`retry`: others were in the way; `split`: one of them is bad and the others are not).
 */
export type Verdict = 'retry' | 'split' | Exclude<StoreErrorKind, 'cancelled'>;

/** By SQLSTATE: whole, or its first three, or two characters. Severity cannot be asked: Postgres translates it. */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  '08': 'unknown', // connection trouble
  '40003': 'unknown', // statement completion unknown
  '57P': 'unknown', // the backend ends, perhaps while its commit waited for a standby: local, and maybe nowhere else
  '58': 'unknown', // the operating system failed
  XX: 'unknown', // Postgres failed
  '23505': 'retry', // another server made the same record first
  '40001': 'retry', // serialization failure
  '40P01': 'retry', // deadlock
  '55P03': 'retry', // lock timeout
  '53100': 'full',
  '53': 'unavailable', // out of memory, too many connections
  '57014': 'unavailable', // cancelled by an operator, before the commit
  '25': 'unavailable', // read-only
  '28': 'unavailable', // not let in
  '3D': 'unavailable', // no such database
  '42501': 'unavailable', // no privilege
};

export function verdictOf(error: unknown): Verdict {
  if (!(error instanceof DatabaseError) || error.code === undefined) return 'unknown';
  const { code } = error;
  const verdict = VERDICTS[code] ?? VERDICTS[code.slice(0, 3)] ?? VERDICTS[code.slice(0, 2)] ?? 'split';
  // A log that cannot be written is a PANIC in the middle of a commit; a table that cannot grow is an ERROR before it.
  return verdict === 'full' && error.severity !== 'ERROR' ? 'unknown' : verdict;
}

const MESSAGES: Readonly<Record<StoreErrorKind, string>> = {
  unavailable: 'Postgres refused the call or cannot be reached; nothing was written',
  unknown: 'the connection to Postgres was lost or too slow; the write may or may not have happened',
  full: 'Postgres has no space left; nothing was written',
  cancelled: 'cancelled before Postgres was asked',
};

export function storeError(kind: StoreErrorKind, cause?: unknown, message: string = MESSAGES[kind]): StoreError {
  return cause instanceof StoreError ? cause : new StoreError(kind, message, { cause });
}

/** For calls that are not retried in parts. */
export function writeError(error: unknown): StoreError {
  const verdict = verdictOf(error);
  return storeError(verdict === 'retry' || verdict === 'split' ? 'unavailable' : verdict, error);
}

/** A read that failed has written nothing. */
export function readError(error: unknown): StoreError {
  return storeError('unavailable', error);
}
