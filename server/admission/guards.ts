// Whether the process itself is at its end: an event loop that runs late although it never rests, or a heap that is nearly
// full. Looked at once a second; the answer is how many classes should be shed, and admission goes there one a second.

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { limits } from '../limits.ts';

export interface ProcessState {
  /** How late timers ran in the last second, the median: a single pause, such as a collection's, is no overload. */
  readonly lagMs: number;
  /** Share of the time that the loop was not waiting for work. High lag alone may be another process' doing. */
  readonly utilization: number;
  /** Of the heap's limit. */
  readonly heapShare: number;
}

export interface ProcessMeter {
  /** Since it was asked before. */
  read(): ProcessState;
  stop(): void;
}

const RESOLUTION_MS = 20;

export function createProcessMeter(): ProcessMeter {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let before = performance.eventLoopUtilization();
  return {
    read() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      const lagMs = Math.max(0, delay.percentile(50) / 1e6 - RESOLUTION_MS);
      delay.reset();
      const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
      return { lagMs, utilization, heapShare: used / limit };
    },
    stop: () => void delay.disable(),
  };
}

export interface Trouble {
  /** 0 to 3. */
  readonly classesToShed: number;
  readonly cause: 'event_loop' | 'heap';
}

export function troubleOf({ lagMs, utilization, heapShare }: ProcessState): Trouble {
  if (heapShare > limits.admissionHeapShareMax) return { classesToShed: LAGS.length, cause: 'heap' };
  const isBusy = utilization > limits.admissionUtilizationMax;
  return { classesToShed: isBusy ? LAGS.filter((lag) => lagMs > lag).length : 0, cause: 'event_loop' };
}

/** Callers who take turns can keep a slow machine busy without end; begins are shed only when a second brings two turns. */
const LAGS = [1, 2.5, 5].map((times) => times * limits.admissionLagMsMax);
