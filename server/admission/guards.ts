// Whether the process itself is at its end: an event loop that runs late although it never rests, or a heap that is nearly
// full. Looked at once a second; each such second sheds one class more, each good one readmits one.

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { limits } from '../limits.ts';

export interface ProcessState {
  /** How late timers ran in the last second, 99th percentile. */
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
      const lagMs = Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS);
      delay.reset();
      const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
      return { lagMs, utilization, heapShare: used / limit };
    },
    stop: () => void delay.disable(),
  };
}

/** Undefined while all is well. */
export function troubleOf({ lagMs, utilization, heapShare }: ProcessState): 'event_loop' | 'heap' | undefined {
  if (heapShare > limits.admissionHeapShareMax) return 'heap';
  const isLate = lagMs > limits.admissionLagMsMax && utilization > limits.admissionUtilizationMax;
  return isLate ? 'event_loop' : undefined;
}
