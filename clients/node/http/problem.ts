// Refusals by RFC 9457. The type tells programs the reason. Nothing of a stored request is ever told.

import { InvalidFieldError, KeyReusedError, OncedError } from '../errors.ts';
import {
  InProgressError,
  IntentFailedError,
  OrphanedError,
  ResultDroppedError,
  RetryLaterError,
} from '../work/work-errors.ts';
import type { Headers, HeldResponse } from './stored-response.ts';

const PROBLEMS = {
  'key-missing': { status: 400, title: 'Idempotency key missing' },
  'key-malformed': { status: 400, title: 'Idempotency key malformed' },
  unreadable: { status: 400, title: 'Request unreadable' },
  unauthenticated: { status: 401, title: 'Caller unknown' },
  'too-large': { status: 413, title: 'Request too large' },
  'in-progress': { status: 409, title: 'Request in progress' },
  'key-reused': { status: 422, title: 'Idempotency key reused' },
  'outcome-unknown': { status: 409, title: 'Outcome unknown' },
  'response-not-kept': { status: 410, title: 'Response not kept' },
  failed: { status: 409, title: 'Request failed for good' },
  unavailable: { status: 503, title: 'Idempotency unavailable' },
  refused: { status: 500, title: 'Idempotency misconfigured' },
} as const;

export type ProblemType = keyof typeof PROBLEMS;

export function problem(type: ProblemType, detail: string, headers: Headers = []): HeldResponse {
  const { status, title } = PROBLEMS[type];
  const body = Buffer.from(JSON.stringify({ type: `urn:onced:problem:${type}`, title, status, detail }));
  return { status, headers: [['content-type', 'application/problem+json'], ...headers], body, isNotKept: false };
}

export const REPLAYED: Headers = [['idempotency-replayed', 'true']];

/** What to answer a request whose handler did not run. */
export function refusal(error: unknown): HeldResponse {
  if (error instanceof InProgressError) {
    return later('in-progress', error.answer.retryAfterMs, 'the first request with this key is still running');
  }
  if (error instanceof RetryLaterError) {
    return later('in-progress', error.answer.retryAfterMs, 'the request may be tried again later, with the same key');
  }
  if (error instanceof KeyReusedError) {
    return problem('key-reused', 'this key stands for another request; use a new key for a new request');
  }
  if (error instanceof OrphanedError) {
    const detail = 'nobody knows whether the first request took effect; somebody is to look into it';
    return problem('outcome-unknown', detail);
  }
  if (error instanceof ResultDroppedError) {
    return problem('response-not-kept', 'the request was carried out; its response is past its retention', REPLAYED);
  }
  if (error instanceof IntentFailedError) {
    return problem('failed', 'the request failed for good; a new try needs a new key', REPLAYED);
  }
  if (error instanceof OncedError && (error.isRetryable || error.code === 'DEADLINE_EXCEEDED')) {
    const retryAfterMs = Math.max(error.retryAfterMs ?? 0, 1_000);
    return later('unavailable', retryAfterMs, 'nothing was done; try again with the same key');
  }
  if (error instanceof InvalidFieldError && error.violations.some(({ field }) => field === 'key')) {
    return problem('key-malformed', 'the idempotency service refused the key');
  }
  return problem('refused', 'the idempotency service refused the request');
}

/** Whole seconds, rounded up. */
function later(type: ProblemType, afterMs: number, detail: string): HeldResponse {
  const seconds = Math.max(1, Math.ceil(afterMs / 1_000));
  return problem(type, detail, [['retry-after', String(seconds)]]);
}
