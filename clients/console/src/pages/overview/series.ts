// The lines of the charts, from the samples.

import { between, quantileMs, ratesBetween, windowStart, type Distribution, type Sample } from './samples.ts';

export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

export interface Series {
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
}

/** A percentile of fewer than this long jumps about; longer hides a spike. */
const PERCENTILE_WINDOW_MS = 10_000;

/** Those that nobody wants to see come last: the colours are given in this order. */
const OUTCOMES: readonly string[] = ['acquired', 'completed', 'in_progress', 'retry_later', 'orphaned', 'failed'];

export function beginSeries(samples: readonly Sample[]): Series {
  const steps = stepsOf(samples);
  const rates = steps.map(({ from, to }) => (from === undefined ? undefined : ratesBetween(from, to)));
  const others = [...new Set(samples.flatMap(({ begins }) => [...begins.keys()]))].filter(
    (outcome) => !OUTCOMES.includes(outcome),
  );
  const isSeen = (outcome: string): boolean => (samples.at(-1)?.begins.get(outcome) ?? 0) > 0;
  const shown = OUTCOMES.filter(isSeen);
  const lines: Line[] = (shown.length === 0 ? ['acquired'] : shown).map((outcome) => ({
    name: outcome.replace('_', ' '),
    values: rates.map((rate) => (rate === undefined ? null : (rate.get(outcome) ?? 0))),
  }));
  if (others.length > 0) {
    const sum = (rate: ReadonlyMap<string, number>): number =>
      others.reduce((total, outcome) => total + (rate.get(outcome) ?? 0), 0);
    lines.push({ name: 'refused', values: rates.map((rate) => (rate === undefined ? null : sum(rate))) });
  }
  return { times: timesOf(samples), lines };
}

export function percentileSeries(samples: readonly Sample[], of: (sample: Sample) => Distribution): Series {
  const windows = samples.map((to) => {
    const from = windowStart(samples, to, PERCENTILE_WINDOW_MS);
    return from === undefined ? [] : between(of(from), of(to));
  });
  const line = (name: string, quantile: number): Line => ({
    name,
    values: windows.map((window) => quantileMs(window, quantile) ?? null),
  });
  return { times: timesOf(samples), lines: [line('p50', 0.5), line('p95', 0.95), line('p99', 0.99)] };
}

export function orphanSeries(samples: readonly Sample[]): Series {
  return { times: timesOf(samples), lines: [{ name: 'orphans', values: samples.map(({ orphans }) => orphans) }] };
}

const timesOf = (samples: readonly Sample[]): readonly number[] => samples.map(({ atMs }) => atMs / 1000);

/** Each sample with the one before it, unless the server was started in between. */
const stepsOf = (samples: readonly Sample[]): readonly { from: Sample | undefined; to: Sample }[] =>
  samples.map((to, index) => {
    const from = samples[index - 1];
    return { from: from?.startMs === to.startMs ? from : undefined, to };
  });
