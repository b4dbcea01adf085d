// Counters and histograms for the hot path: a call adds to a number in memory, and prom-client's registry is told at a scrape.
// An observation of prom-client's own looks its labels up by a text made of them, and makes garbage: 0.2 to 0.3 us each, of
// which an intent takes ten.

import { Counter, type Histogram, type Registry } from 'prom-client';

export interface TalliedCounter {
  inc(): void;
}

export interface TalliedHistogram {
  observe(value: number): void;
}

interface Shape {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

type Labels = Record<string, string>;

/** As prom-client's own histograms tell them to a registry. */
interface Sample {
  readonly metricName: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

/** Returns the way to the counter of some label values, which are in the order of the names; each is made once. */
export function tallyCounts(registry: Registry, shape: Shape): (values: readonly string[]) => TalliedCounter {
  const tellers: (() => void)[] = [];
  const counter = new Counter({
    ...shape,
    labelNames: [...shape.labelNames],
    registers: [registry],
    collect: () => tellers.forEach((tell) => tell()),
  });
  return (values) => {
    const child = counter.labels(...values);
    let untold = 0;
    tellers.push(() => {
      child.inc(untold);
      untold = 0;
    });
    return { inc: () => void (untold += 1) };
  };
}

/** As `tallyCounts`. `buckets`: upper bounds, rising. */
export function tallyObservations(
  registry: Registry,
  { buckets, ...shape }: Shape & { readonly buckets: readonly number[] },
): (values: readonly string[]) => TalliedHistogram {
  const children: { readonly labels: Labels; readonly read: () => { counts: Float64Array; sum: number } }[] = [];
  const get = async () => ({
    ...shape,
    type: 'histogram',
    aggregator: 'sum',
    values: children.flatMap(({ labels, read }) => samplesOf(shape.name, buckets, labels, read())),
  });
  // What a registry asks of a metric is no more than this, though its type names the library's own classes.
  registry.registerMetric({ ...shape, get, reset: () => undefined } as unknown as Histogram);
  return (values) => {
    // The last one counts what is beyond all bounds.
    const counts = new Float64Array(buckets.length + 1);
    let sum = 0;
    const labels = Object.fromEntries(shape.labelNames.map((name, index) => [name, values[index] ?? '']));
    children.push({ labels, read: () => ({ counts, sum }) });
    return {
      observe(value) {
        let bucket = 0;
        while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket += 1;
        counts[bucket] = (counts[bucket] ?? 0) + 1;
        sum += value;
      },
    };
  };
}

function samplesOf(
  name: string,
  buckets: readonly number[],
  labels: Labels,
  { counts, sum }: { readonly counts: Float64Array; readonly sum: number },
): Sample[] {
  let count = 0;
  const cumulated = [...counts].map((value, index) => {
    count += value;
    return { metricName: `${name}_bucket`, labels: { le: buckets[index] ?? '+Inf', ...labels }, value: count };
  });
  return [
    ...cumulated,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
