// Pauses of work that goes on beside callers.

import { setTimeout as sleep } from 'node:timers/promises';

/** Ends early when the signal fires. */
export const pause = async (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);

export interface Rest {
  /** When the step began after which to rest. */
  readonly startMs: number;
  /** So many times as long as the step took. */
  readonly times: number;
  readonly msMin?: number;
  readonly signal: AbortSignal | undefined;
}

/** Whoever waited behind the step is served before the next one; a store that is slow or busy is asked less often. */
export const rest = async ({ startMs, times, msMin = 0, signal }: Rest): Promise<void> =>
  pause(Math.max(msMin, (performance.now() - startMs) * times), signal);
