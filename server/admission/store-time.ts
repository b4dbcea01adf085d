// How long the store takes at present: half of its answers come sooner.

/** A sample moves the estimate by a fifth: a dozen follow a store that became ten times as slow. */
const STEP = 1.2;
const LEAST_MS = 0.1;

export interface StoreTime {
  /** Near the median of the latest answers; forgotten while none come, so that a store that was slow is asked again. */
  readonly medianMs: number;
  sample(durationMs: number): void;
  /** Once a window. */
  tick(): void;
}

/** Moves a step towards each sample, so that as many come below as above (frugal streaming: Ma, Muthukrishnan & Sandler, 2013). */
export function createStoreTime(): StoreTime {
  let medianMs = 0;
  let isAsked = false;
  return {
    get medianMs() {
      return medianMs;
    },
    sample(durationMs) {
      isAsked = true;
      medianMs = Math.max(LEAST_MS, durationMs > medianMs ? medianMs * STEP : medianMs / STEP);
    },
    tick() {
      if (!isAsked) medianMs /= 2;
      isAsked = false;
    },
  };
}
