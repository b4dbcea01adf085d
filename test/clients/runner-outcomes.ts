// What the errors of the clients in TypeScript are called in clients/vectors/scenarios.json.

import { KeyReusedError, OncedError } from '../../clients/node/errors.ts';
import {
  InProgressError,
  IntentFailedError,
  OrphanedError,
  OutcomeNotRecordedError,
  RetryableError,
  RetryLaterError,
} from '../../clients/node/work/work-errors.ts';

const NAMES = [
  [InProgressError, 'in-progress'],
  [RetryLaterError, 'retry-later'],
  [OrphanedError, 'orphaned'],
  [KeyReusedError, 'key-reused'],
  [OutcomeNotRecordedError, 'not-recorded'],
  [RetryableError, 'retryable'],
] as const;

export function failureOutcome(error: unknown): object {
  if (error instanceof IntentFailedError) {
    const { replayed, error: stored } = error;
    return { outcome: 'failed', replayed, code: stored.code, message: stored.message };
  }
  const named = NAMES.find(([errorClass]) => error instanceof errorClass);
  if (named !== undefined) return { outcome: named[1] };
  // What is none of the client's own errors is what the work threw.
  if (!(error instanceof OncedError)) return { outcome: 'unknown', detail: String(error) };
  const mayRepeat = error.isRetryable || error.code === 'DEADLINE_EXCEEDED';
  return { outcome: mayRepeat ? 'unreachable' : 'error', detail: String(error) };
}
