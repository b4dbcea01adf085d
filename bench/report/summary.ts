// Rounds become one figure: the median, with the least and the most beside it.

import type { Work } from '../drivers/driver.ts';
import type { Load, WindowResult } from '../harness/window.ts';
import type { CellResult } from '../run.ts';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

const METERS = [
  'perSecond',
  'p50Ms',
  'p90Ms',
  'p99Ms',
  'p999Ms',
  'maxMs',
  'serverCpuUs',
  'clientCpuUs',
  'otherCores',
  'serverMemoryBytes',
] as const;
export type Meter = (typeof METERS)[number];

export interface Row extends Readonly<Record<Meter, Spread>> {
  readonly scenario: string;
  readonly subject: string;
  readonly title: string;
  readonly work: Work;
  readonly load: Load;
  /** gRPC calls or commands that one operation makes. */
  readonly calls: number;
  readonly rounds: number;
  readonly errors: number;
  readonly firstError: string | undefined;
  readonly dropped: number;
}

export function summarise({ scenario, cell, rounds }: CellResult): Row {
  const meters = Object.fromEntries(METERS.map((meter) => [meter, spreadOf(rounds.map((round) => round[meter]))]));
  return {
    scenario,
    subject: cell.subject.name,
    title: cell.subject.title,
    work: cell.work,
    load: cell.load,
    calls: cell.subject.callsOf(cell.work.name),
    rounds: rounds.length,
    errors: sum(rounds, 'errors'),
    firstError: rounds.find((round) => round.firstError !== undefined)?.firstError,
    dropped: sum(rounds, 'dropped'),
    ...(meters as Record<Meter, Spread>),
  };
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? 0;
  const lower = sorted[Math.ceil(middle) - 1] ?? 0;
  return { median: (upper + lower) / 2, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}

const sum = (rounds: readonly WindowResult[], meter: 'errors' | 'dropped'): number =>
  rounds.reduce((total, round) => total + round[meter], 0);
