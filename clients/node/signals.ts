// Waiting, and being told to stop waiting.

import { setMaxListeners } from 'node:events';

/** Calls back when the signal fires; returns the way to stop listening. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  // One signal may end thousands of calls, and Node would write a warning to the console from the eleventh on.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', callback, { once: true });
  return () => signal.removeEventListener('abort', callback);
}

/** Rejects with the signal's reason when that fires first. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      unlisten?.();
      resolve();
    }, ms);
    const unlisten =
      signal &&
      onAbort(signal, () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
  });
}

/** Full jitter: a random wait below the ceiling, which doubles with each try up to its own limit. */
export const backoffMs = ({ tries, min, max }: { tries: number; min: number; max: number }): number =>
  Math.random() * Math.min(max, min * 2 ** tries);
