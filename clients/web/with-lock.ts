// One tab at a time, where the browser can do that.

/** Calls back under a lock of this name. Without locks, or once `signal` fires while waiting for it: without one. */
export async function withLock<T>(
  name: string,
  signal: AbortSignal | undefined,
  act: () => T | Promise<T>,
): Promise<T> {
  // Only pages with HTTPS, and those of this machine, have them.
  const locks = navigator.locks as LockManager | undefined;
  if (locks === undefined) return act();
  let hasBegun = false;
  const guarded = async (): Promise<T> => {
    hasBegun = true;
    return act();
  };
  try {
    return await locks.request(name, signal === undefined ? {} : { signal }, guarded);
  } catch (error) {
    if (hasBegun || signal?.aborted !== true) throw error;
    return act();
  }
}
