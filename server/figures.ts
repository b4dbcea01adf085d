// The figures of /metrics as plain values, for GetStats: counters and gauges as they are, histograms as percentiles.

import type { Registry } from 'prom-client';

export interface CounterFigure {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface LatencyFigure {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** The smallest first; each counts those of the ones before too. */
  readonly buckets: readonly Bucket[];
}

export interface Figures {
  readonly counters: readonly CounterFigure[];
  readonly latencies: readonly LatencyFigure[];
}

interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

/** Only our own figures: what the process exports about itself stays on /metrics. */
const PREFIX = 'onced_';

export async function readFigures(registry: Registry): Promise<Figures> {
  const metrics = (await registry.getMetricsAsJSON()).filter(({ name }) => name.startsWith(PREFIX));
  const counters: CounterFigure[] = [];
  const latencies: LatencyFigure[] = [];
  for (const { name, type, values } of metrics) {
    const samples = values as readonly Sample[];
    if (String(type) === 'histogram') latencies.push(...latenciesOf(name, samples));
    else counters.push(...samples.map(({ value, labels }) => ({ name, labels: texts(labels), value })));
  }
  return { counters, latencies };
}

export interface Bucket {
  readonly upToSeconds: number;
  readonly count: number;
}

function latenciesOf(name: string, samples: readonly Sample[]): readonly LatencyFigure[] {
  const series = new Map<string, { labels: Record<string, string>; buckets: Bucket[] }>();
  for (const { metricName, labels, value } of samples) {
    if (metricName !== `${name}_bucket`) continue;
    const { le, ...rest } = labels;
    const group = series.get(JSON.stringify(rest)) ?? { labels: texts(rest), buckets: [] };
    series.set(JSON.stringify(rest), group);
    group.buckets.push({ upToSeconds: le === '+Inf' ? Infinity : Number(le), count: value });
  }
  return [...series.values()].map(({ labels, buckets }) => {
    const sorted = buckets.toSorted((a, b) => a.upToSeconds - b.upToSeconds);
    const at = (quantile: number): number => quantileOf(sorted, quantile) * 1000;
    const count = sorted.at(-1)?.count ?? 0;
    return { name, labels, count, buckets: sorted, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
  });
}

/** Linear within the bucket that the quantile falls into, as Prometheus' histogram_quantile; the last bound beyond. */
function quantileOf(buckets: readonly Bucket[], quantile: number): number {
  const total = buckets.at(-1)?.count ?? 0;
  if (total === 0) return 0;
  const rank = quantile * total;
  let lower: Bucket = { upToSeconds: 0, count: 0 };
  for (const bucket of buckets) {
    if (bucket.count >= rank) {
      if (!Number.isFinite(bucket.upToSeconds)) return lower.upToSeconds;
      const share = (rank - lower.count) / (bucket.count - lower.count);
      return lower.upToSeconds + share * (bucket.upToSeconds - lower.upToSeconds);
    }
    lower = bucket;
  }
  return lower.upToSeconds;
}

const texts = (labels: Sample['labels']): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
