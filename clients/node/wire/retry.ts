// Repeats of a call: only what the server or the network asks to repeat, within the call's time, at random moments, and
// out of a budget, so that a server in trouble is not buried under repeats.

import { deadlineExceeded, isDisconnected } from './error-table.ts';
import { OncedError } from '../errors.ts';
import type { RetryOptions } from '../options.ts';
import { backoffMs, sleep } from '../signals.ts';

const TRIES_MAX = 4;
const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 1_000;
/** As gRPC's retry throttling (A6): a failure costs one token, ten answers earn one, below half there are no repeats. */
const TOKENS_MAX = 10;
const TOKENS_PER_ANSWER = 0.1;
/**
 * A connection that breaks takes all of its calls with it, and a server that sheds load refuses what a whole window asks:
 * together they are one failure.
 */
const ONE_FAILURE_MS = 100;

export interface Retrier {
  /** Settles within `timeoutMs`, all tries and waits included. */
  run<T>(call: { timeoutMs: number; signal: AbortSignal | undefined }, once: Once<T>): Promise<T>;
}

export type Once<T> = (attempt: number, timeoutMs: number) => Promise<T>;

export function createRetrier(options: RetryOptions = {}): Retrier {
  const { triesMax = TRIES_MAX, backoffMsMin = BACKOFF_MS_MIN, backoffMsMax = BACKOFF_MS_MAX } = options;
  let tokens = TOKENS_MAX;
  let failedMs = -Infinity;

  /** Milliseconds to wait before a repeat; undefined when there must be none. */
  const waitOf = (error: unknown, tries: number): number | undefined => {
    if (!(error instanceof OncedError) || !error.isRetryable) return undefined;
    const isShed = error.reason === 'OVERLOADED';
    const isShared = isDisconnected(error) || isShed;
    if (!isShared || performance.now() - failedMs >= ONE_FAILURE_MS) {
      tokens = Math.max(0, tokens - 1);
      failedMs = performance.now();
    }
    // Of a call that was shed nothing was tried: it waits for its turn, as long as its time and the budget last.
    const isTriedOut = tries >= triesMax && !(isShed && triesMax > 1);
    if (isTriedOut || tokens <= TOKENS_MAX / 2) return undefined;
    return (error.retryAfterMs ?? 0) + backoffMs({ tries: tries - 1, min: backoffMsMin, max: backoffMsMax });
  };

  return {
    async run({ timeoutMs, signal }, once) {
      if (!(timeoutMs > 0)) throw deadlineExceeded(timeoutMs);
      const endMs = performance.now() + timeoutMs;
      for (let tries = 1; ; tries++) {
        try {
          const response = await once(tries, tries === 1 ? timeoutMs : endMs - performance.now());
          tokens = Math.min(TOKENS_MAX, tokens + TOKENS_PER_ANSWER);
          return response;
        } catch (error) {
          const waitMs = waitOf(error, tries);
          if (waitMs === undefined || performance.now() + waitMs >= endMs) throw error;
          await sleep(waitMs, signal);
        }
      }
    },
  };
}
