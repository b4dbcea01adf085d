// Records how work ended, and does not give up: an outcome that is lost is what causes a duplicate. No signal of the
// caller reaches this far.

import { DeadlineExceededError, InternalError, OncedError } from '../errors.ts';
import type { Log } from '../options.ts';
import { backoffMs, sleep } from '../signals.ts';
import type { IntentError, Settled } from '../types.ts';
import { FinalError, RetryableError, UnknownOutcomeError } from './work-errors.ts';

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 5_000;

/**
 * Repeats the settling call until it is answered. Rejects with the answer that no repeat would change (the lease is
 * lost, the record is gone, the request is refused), or with the last trouble after `timeoutMs`.
 */
export async function settleToTheEnd(
  settle: () => Promise<Settled>,
  { timeoutMs, log }: { readonly timeoutMs: number; readonly log: Log },
): Promise<Settled> {
  const endMs = performance.now() + timeoutMs;
  for (let tries = 0; ; tries++) {
    try {
      return await settle();
    } catch (error) {
      const waitMs = backoffMs({ tries, min: BACKOFF_MS_MIN, max: BACKOFF_MS_MAX });
      if (!mayPass(error) || performance.now() + waitMs >= endMs) throw error;
      log('warn', 'an outcome could not be recorded yet: trying on', { tries: tries + 1, detail: String(error) });
      await sleep(waitMs);
    }
  }
}

/** The same call may still succeed: a bug of the server, too, may pass with a restart. */
export const mayPass = (error: unknown): boolean =>
  error instanceof DeadlineExceededError ||
  error instanceof InternalError ||
  (error instanceof OncedError && error.isRetryable);

export type ThrowMeans = 'retryable' | 'final' | 'unknown';

export interface Failure {
  readonly kind: ThrowMeans;
  readonly error: IntentError;
  readonly retryAfterMs?: number;
}

/** What a thrown value means for the intent. `onThrow` is asked for what is none of the three classes. */
export function failureOf(thrown: unknown, onThrow: (thrown: unknown) => ThrowMeans): Failure {
  const error = intentErrorOf(thrown);
  if (thrown instanceof FinalError) return { kind: 'final', error };
  if (thrown instanceof UnknownOutcomeError) return { kind: 'unknown', error };
  if (!(thrown instanceof RetryableError)) return { kind: ask(onThrow, thrown), error };
  const { retryAfterMs } = thrown;
  return { kind: 'retryable', error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function ask(onThrow: (thrown: unknown) => ThrowMeans, thrown: unknown): ThrowMeans {
  try {
    return onThrow(thrown);
  } catch {
    // Whoever cannot tell does not know.
    return 'unknown';
  }
}

// DESIGN.md 5. What is longer is cut, since refusing it would leave the attempt without an outcome.
const CODE_BYTES_MAX = 128;
const MESSAGE_BYTES_MAX = 1024;

function intentErrorOf(thrown: unknown): IntentError {
  if (!(thrown instanceof Error)) return { code: 'THROWN', message: cut(String(thrown), MESSAGE_BYTES_MAX) };
  const { code, detail, contentType } = thrown as Partial<FinalError>;
  return {
    code: cut(typeof code === 'string' && code !== '' ? code : thrown.name, CODE_BYTES_MAX) || 'ERROR',
    message: cut(thrown.message, MESSAGE_BYTES_MAX),
    ...(detail instanceof Uint8Array ? { detail } : {}),
    ...(typeof contentType === 'string' ? { contentType } : {}),
  };
}

/** The longest start of the text that fits, without half a character at its end. */
function cut(text: string, bytesMax: number): string {
  const whole = text.toWellFormed();
  if (whole.length * 3 <= bytesMax) return whole;
  return whole.slice(0, new TextEncoder().encodeInto(whole, new Uint8Array(bytesMax)).read);
}
