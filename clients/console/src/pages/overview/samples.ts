// From GetStats to what the overview draws: a sample a poll, rates and percentiles from the difference of two.

import { durationMs, timestampMs } from '@bufbuild/protobuf/wkt';
import type { GetStatsResponse, Latency } from '../../../../../proto/gen/onced/v1/admin_pb.js';

export interface Sample {
  readonly atMs: number;
  readonly startMs: number;
  /** BeginIntent answers by outcome, since the server's start. */
  readonly begins: ReadonlyMap<string, number>;
  readonly intentToOutcome: Distribution;
  readonly beginTime: Distribution;
  readonly orphans: number;
  readonly suspected: number;
  readonly lateRetries: number;
}

/** Upper bounds in ms and how many took no longer, as the API's buckets. */
export type Distribution = readonly { readonly upToMs: number; readonly count: number }[];

/** `namespace` empty: of all. */
export function sampleOf(stats: GetStatsResponse, namespace: string): Sample {
  const counters = stats.counters.filter(({ labels }) => isOf(labels, namespace));
  const sum = (name: string): number =>
    counters.filter((counter) => counter.name === name).reduce((total, { value }) => total + value, 0);
  const begins = new Map<string, number>();
  for (const { name, labels, value } of counters) {
    if (name !== 'onced_requests_total' || labels['rpc'] !== 'BeginIntent') continue;
    const outcome = labels['outcome'] ?? '';
    begins.set(outcome, (begins.get(outcome) ?? 0) + value);
  }
  const latencies = (name: string): readonly Latency[] => stats.latencies.filter((latency) => latency.name === name);
  const intents = latencies('onced_intent_to_outcome_seconds').filter(({ labels }) => isOf(labels, namespace));
  const beginTimes = latencies('onced_request_duration_seconds').filter(
    ({ labels }) => labels['rpc'] === 'BeginIntent',
  );
  return {
    atMs: stats.serverTime === undefined ? 0 : timestampMs(stats.serverTime),
    startMs: stats.startTime === undefined ? 0 : timestampMs(stats.startTime),
    begins,
    intentToOutcome: distributionOf(intents),
    beginTime: distributionOf(beginTimes),
    orphans: Number(stats.orphans),
    suspected: sum('onced_suspected_duplicates_total'),
    lateRetries: sum('onced_late_retries_total'),
  };
}

const isOf = (labels: Readonly<Record<string, string>>, namespace: string): boolean =>
  namespace === '' || labels['namespace'] === namespace;

function distributionOf(latencies: readonly Latency[]): Distribution {
  const counts = new Map<number, number>();
  for (const { upTo, count } of latencies.flatMap(({ buckets }) => buckets)) {
    const upToMs = upTo === undefined ? Infinity : durationMs(upTo);
    counts.set(upToMs, (counts.get(upToMs) ?? 0) + Number(count));
  }
  return [...counts].map(([upToMs, count]) => ({ upToMs, count })).toSorted((a, b) => a.upToMs - b.upToMs);
}

export const totalOf = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((total, count) => total + count, 0);

/** A repeat is what a begin is answered with when somebody was there before. */
const REPEATS: readonly string[] = ['completed', 'failed', 'in_progress', 'retry_later', 'orphaned'];

/** Undefined without begins. */
export function duplicateShare(begins: ReadonlyMap<string, number>): number | undefined {
  const repeats = REPEATS.reduce((total, outcome) => total + (begins.get(outcome) ?? 0), 0);
  const all = repeats + (begins.get('acquired') ?? 0);
  return all === 0 ? undefined : repeats / all;
}

/** The sample that a window of this length ends with `last` began with; the server's start begins anew. */
export function windowStart(samples: readonly Sample[], last: Sample, windowMs: number): Sample | undefined {
  const inWindow = samples.filter(
    (sample) => sample.startMs === last.startMs && sample.atMs < last.atMs && last.atMs - sample.atMs <= windowMs,
  );
  return inWindow[0];
}

/** A second, by outcome. */
export function ratesBetween(from: Sample, to: Sample): ReadonlyMap<string, number> {
  const seconds = (to.atMs - from.atMs) / 1000;
  const outcomes = [...to.begins.keys()];
  return new Map(
    outcomes.map((outcome) => {
      const more = (to.begins.get(outcome) ?? 0) - (from.begins.get(outcome) ?? 0);
      return [outcome, seconds <= 0 ? 0 : Math.max(0, more / seconds)];
    }),
  );
}

export function between(from: Distribution | undefined, to: Distribution): Distribution {
  const before = new Map(from?.map(({ upToMs, count }) => [upToMs, count]));
  return to.map(({ upToMs, count }) => ({ upToMs, count: Math.max(0, count - (before.get(upToMs) ?? 0)) }));
}

/** Linear within the bucket, as Prometheus does it; undefined when nothing was measured. */
export function quantileMs(distribution: Distribution, quantile: number): number | undefined {
  const total = distribution.at(-1)?.count ?? 0;
  if (total === 0) return undefined;
  const rank = quantile * total;
  let below = { upToMs: 0, count: 0 };
  for (const bucket of distribution) {
    if (bucket.count >= rank) {
      if (!Number.isFinite(bucket.upToMs)) return below.upToMs;
      const share = bucket.count === below.count ? 0 : (rank - below.count) / (bucket.count - below.count);
      return below.upToMs + share * (bucket.upToMs - below.upToMs);
    }
    below = bucket;
  }
  return below.upToMs;
}
