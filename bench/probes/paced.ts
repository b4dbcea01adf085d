// Paced begins without and with some work beside them, and what the two tell: shared by the probes that compare them.

import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, type Histogram } from 'hdr-histogram-js';
import type { Store } from '../../storage/contract/index.ts';

export interface Pace {
  readonly store: Store;
  readonly perSecond: number;
  readonly claimOf: (key: string) => Parameters<Store['claim']>[0];
}

/** Begins at an even pace until the signal fires; latency from when each was due, so that a stall is not hidden. */
export async function begins(
  { store, perSecond, claimOf }: Pace,
  name: string,
  histogram: Histogram,
  signal: AbortSignal,
): Promise<void> {
  const startMs = performance.now();
  const pending = new Set<Promise<void>>();
  for (let count = 0; !signal.aborted; count += 1) {
    const dueMs = startMs + (count * 1000) / perSecond;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 0) await sleep(earlyMs);
    const begin: Promise<void> = store
      .claim(claimOf(`${name}-${count}`))
      .then(() => histogram.recordValue(Math.max(1, Math.round((performance.now() - dueMs) * 1000))))
      .finally(() => pending.delete(begin));
    pending.add(begin);
  }
  await Promise.all(pending);
}

export const newHistogram = (): Histogram => build({ numberOfSignificantValueDigits: 3 });

interface Compared {
  readonly without: Histogram;
  readonly beside: Histogram;
  readonly beginsPerSecond: number;
  readonly removed: number;
  /** How long the work beside ran. */
  readonly workMs: number;
}

export function printComparison({ without, beside, beginsPerSecond, removed, workMs }: Compared): void {
  const figures = { without: figuresOf(without), with: figuresOf(beside) };
  const ratios = { p50: figures.with.p50Ms / figures.without.p50Ms, p99: figures.with.p99Ms / figures.without.p99Ms };
  const did = { removed, seconds: workMs / 1000, removedPerSecond: (removed * 1000) / workMs };
  const machine = { node: process.version, cores: availableParallelism(), load: loadavg()[0], beginsPerSecond };
  console.log(JSON.stringify({ ...machine, ...figures, ratios, ...did }, null, 2));
}

function figuresOf(histogram: Histogram): { p50Ms: number; p90Ms: number; p99Ms: number; count: number } {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000;
  return { p50Ms: at(50), p90Ms: at(90), p99Ms: at(99), count: histogram.totalCount };
}
