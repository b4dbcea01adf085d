// Waiting, and being told to stop waiting.

interface Waiting {
  readonly callbacks: Set<{ readonly callback: () => void }>;
  readonly unlisten: () => void;
}

/** One listener a signal: it may end thousands of calls, and Node would write a warning to the console from the eleventh on. */
const waiting = new WeakMap<AbortSignal, Waiting>();

/** Calls back when the signal fires; returns the way to stop listening. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, unlisten } = waiting.get(signal) ?? listen(signal);
  const mine = { callback };
  callbacks.add(mine);
  return () => {
    callbacks.delete(mine);
    if (callbacks.size === 0) unlisten();
  };
}

function listen(signal: AbortSignal): Waiting {
  const callbacks: Waiting['callbacks'] = new Set();
  const onFire = (): void => callbacks.forEach(({ callback }) => callback());
  signal.addEventListener('abort', onFire, { once: true });
  const unlisten = (): void => {
    signal.removeEventListener('abort', onFire);
    waiting.delete(signal);
  };
  const made = { callbacks, unlisten };
  waiting.set(signal, made);
  return made;
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
