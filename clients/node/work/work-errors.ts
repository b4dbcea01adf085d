// What work throws to say how it failed, and what runOnce throws to say how it ended.

import type { OncedError } from '../errors.ts';
import type { Failed, InProgress, IntentError, Orphaned, RetryLater } from '../types.ts';

export interface WorkErrorOptions extends ErrorOptions {
  /** For programs. 1 to 128 bytes. Default: the name of the class. */
  readonly code?: string;
  /** Anything else, replayed byte for byte. Up to 4 KiB. Default: empty. */
  readonly detail?: Uint8Array;
  /** Media type of `detail`. Default: empty. */
  readonly contentType?: string;
}

class WorkError extends Error {
  readonly code: string;
  readonly detail: Uint8Array | undefined;
  readonly contentType: string | undefined;

  constructor(name: string, message: string, { code = name, detail, contentType, ...options }: WorkErrorOptions) {
    super(message, options);
    this.code = code;
    this.detail = detail;
    this.contentType = contentType;
  }
}

/** Throw it when the side effect did not happen and never will: every later caller gets this error too. */
export class FinalError extends WorkError {
  override readonly name = 'FinalError';

  constructor(message: string, options: WorkErrorOptions = {}) {
    super('FinalError', message, options);
  }
}

/** Throw it when the side effect did certainly not happen: another attempt may start. */
export class RetryableError extends WorkError {
  override readonly name = 'RetryableError';
  /** Milliseconds before which no new attempt starts. Default: 0. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: WorkErrorOptions & { readonly retryAfterMs?: number } = {}) {
    super('RetryableError', message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Throw it when you cannot know whether the side effect happened: the key is held until somebody has found out. */
export class UnknownOutcomeError extends WorkError {
  override readonly name = 'UnknownOutcomeError';

  constructor(message: string, options: WorkErrorOptions = {}) {
    super('UnknownOutcomeError', message, options);
  }
}

/** The operation has failed for good, now or in an earlier call. A new try needs a new key. */
export class IntentFailedError extends Error {
  override readonly name = 'IntentFailedError';
  /** As the work gave it; code ATTEMPTS_EXHAUSTED when the namespace allows no more attempts. */
  readonly error: IntentError;
  /** An earlier call failed, this one did nothing. */
  readonly replayed: boolean;

  constructor(failure: Pick<Failed, 'error'>, options: ErrorOptions & { readonly replayed: boolean }) {
    super(`failed for good: ${failure.error.code}: ${failure.error.message}`, options);
    this.error = failure.error;
    this.replayed = options.replayed;
  }
}

/** Somebody else was at it for all of the time that this caller had. Ask again later, with the same key. */
export class InProgressError extends Error {
  override readonly name = 'InProgressError';
  readonly answer: InProgress;

  constructor(answer: InProgress) {
    super(`attempt ${answer.attempt} by ${answer.owner} is still in progress`);
    this.answer = answer;
  }
}

/** The last attempt was released with a delay beyond the time that this caller had. Ask again later, with the same key. */
export class RetryLaterError extends Error {
  override readonly name = 'RetryLaterError';
  readonly answer: RetryLater;

  constructor(answer: RetryLater) {
    super(`attempt ${answer.attempt} was released; the next may start in ${answer.retryAfterMs} ms`);
    this.answer = answer;
  }
}

/** Nobody knows whether the side effect happened. A person, or reconcile, must find out. */
export class OrphanedError extends Error {
  override readonly name = 'OrphanedError';
  readonly answer: Orphaned;

  constructor(answer: Orphaned) {
    const why = answer.orphan.cause === 'holder-unknown' ? 'its holder did not know' : 'its lease ran out';
    super(`nobody knows whether attempt ${answer.attempt} took effect (${why}): reconcile or resolve it first`);
    this.answer = answer;
  }
}

/** It was done, but its result was dropped after the retention of results. */
export class ResultDroppedError extends Error {
  override readonly name = 'ResultDroppedError';
  readonly completeMs: number;

  constructor(completeMs: number) {
    super(`done at ${new Date(completeMs).toISOString()}; the result was dropped since and must be had from elsewhere`);
    this.completeMs = completeMs;
  }
}

/**
 * The work ran, but its outcome could not be recorded: the lease was lost to another attempt, the record expired, or the
 * server stayed out of reach. Another attempt may do it again: tell a person.
 */
export class OutcomeNotRecordedError extends Error {
  override readonly name = 'OutcomeNotRecordedError';
  /** What the work returned, if it did. */
  readonly value: unknown;
  /** What the work threw, if it did. */
  readonly workError: unknown;

  constructor(cause: unknown, outcome: { readonly value?: unknown; readonly workError?: unknown }) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`the work ran but its outcome could not be recorded: ${why}`, { cause });
    this.value = outcome.value;
    this.workError = outcome.workError;
  }
}

/** Reason of the work's signal: stop now, since the lease can be lost from here on. */
export class LeaseEndingError extends Error {
  override readonly name = 'LeaseEndingError';

  constructor(message: string, cause?: OncedError) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
