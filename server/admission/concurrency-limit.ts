// How many operations may be at the store at a time, found by measuring.

import { limits } from '../limits.ts';

/**
 * Additive increase, multiplicative decrease (Chiu & Jain, "Analysis of the Increase and Decrease Algorithms for
 * Congestion Avoidance in Computer Networks", 1989), with the store's own minimum latency as what "no congestion" means, as
 * in TCP Vegas (Brakmo & Peterson, 1995) and Netflix' concurrency-limits.
 *
 * Three departures. The stores commit in batches: latency at ten times the minimum is where their throughput ends to grow,
 * so that up to a floor in milliseconds no latency counts as congestion. The limit shrinks only where somebody gains: under
 * overload, or with several namespaces that want their share; a single busy caller has its own window. And the minimum is
 * measured anew with few operations at the store, as BBR does (Cardwell et al., "BBR: Congestion-Based Congestion Control",
 * 2016): one that was learned under load, or before the disk became slow, would mislead for ever.
 */
export interface ConcurrencyLimit {
  readonly current: number;
  /** A store verb took this long. */
  sample(durationMs: number): void;
  /** Overload begins: as many as are done, at the present rate, in the time that the store may take (Little's law). */
  start(ratePerMs: number): void;
  /**
   * Once a window. `shrinkTo`: not below this, where a queue in front of the store is of use to somebody. `isSaturated` when the processor
   * itself is what there is too little of: what is not read yet then waits where nobody can refuse it.
   */
  tick(shrinkTo: number | undefined, isSaturated?: boolean): void;
}

export function createConcurrencyLimit(): ConcurrencyLimit {
  const { admissionInFlightMin: min, admissionInFlightMax: max } = limits;
  let current: number = max;
  /** Where to go on after a look at the store with few operations. */
  let resumeAt: number | undefined;
  let sumMs = 0;
  let count = 0;
  let leastMs = Infinity;
  let windowsAtMin = 0;
  let windowsSinceMin = MEASURE_WINDOWS;

  const resume = (): void => {
    current = resumeAt ?? current;
    resumeAt = undefined;
  };

  const learn = (meanMs: number, shrinkTo: number): void => {
    windowsAtMin = current <= shrinkTo ? windowsAtMin + 1 : 0;
    // The first window at the least still has what was there before.
    const isMeasured = windowsAtMin >= 2;
    leastMs = isMeasured ? meanMs : Math.min(leastMs, meanMs);
    windowsSinceMin = isMeasured ? 0 : windowsSinceMin + 1;
    if (isMeasured) resume();
  };

  const adapt = (meanMs: number, shrinkTo: number, isSaturated: boolean): void => {
    const isLate = meanMs > limits.admissionLatencyMs;
    if (isLate && meanMs > TOLERANCE * leastMs) {
      current = Math.max(shrinkTo, Math.floor(current * DECREASE));
    } else if (isSaturated && current > SATURATED_MIN) {
      current = Math.max(SATURATED_MIN, Math.floor(current * DECREASE));
    } else if (isLate && windowsSinceMin >= MEASURE_WINDOWS) {
      resumeAt = current;
      current = shrinkTo;
    } else {
      current = Math.min(max, current + Math.min(INCREASE, Math.max(2, Math.floor(current / GENTLE))));
    }
  };

  return {
    get current() {
      return current;
    },
    sample(durationMs) {
      sumMs += durationMs;
      count += 1;
    },
    start(ratePerMs) {
      const least = Number.isFinite(leastMs) ? leastMs : 0;
      const fitting = Math.round(ratePerMs * Math.max(limits.admissionLatencyMs, TOLERANCE * least));
      current = Math.min(current, Math.max(min, fitting));
    },
    tick(shrinkTo, isSaturated = false) {
      const meanMs = count < SAMPLES_MIN ? undefined : sumMs / count;
      sumMs = 0;
      count = 0;
      if (meanMs !== undefined) learn(meanMs, shrinkTo ?? min);
      if (shrinkTo === undefined) {
        resume();
        current = Math.min(max, current + INCREASE);
      } else if (resumeAt === undefined && meanMs !== undefined) {
        adapt(meanMs, shrinkTo, isSaturated);
      }
    },
  };
}

/** Below this a window's mean is chance. */
const SAMPLES_MIN = 10;
const TOLERANCE = 1.75;
const DECREASE = 0.8;
/** With fewer at the store a busy processor would let it run dry. */
const SATURATED_MIN = 32;
/** A window, when nobody gains by a limit any more: from the least to the most within two seconds. */
const INCREASE = 16;
/** While somebody does: a quarter of the limit, so that a store that takes sixteen is not given twice that. */
const GENTLE = 4;
/** Ten seconds of them, as BBR's. */
const MEASURE_WINDOWS = 100;
