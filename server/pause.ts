// Pauses of work that goes on beside callers.

/** Ends early when the signal fires. */
export async function pause(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, durationMs);
    signal?.addEventListener('abort', finish);
    if (signal?.aborted === true) finish();
  });
}

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
