// The samples of the last minutes, by namespace. They outlive the page, so that a look elsewhere does not empty the charts.

import type { Sample } from './samples.ts';

/** Fifteen minutes at a poll every two seconds. */
const SAMPLES_MAX = 450;
/** Scopes looked at before are forgotten, the oldest first. */
const SCOPES_MAX = 8;

const histories = new Map<string, readonly Sample[]>();

export function remember(scope: string, sample: Sample): readonly Sample[] {
  const before = histories.get(scope) ?? [];
  // Two polls may be answered from one cached count.
  const samples = before.at(-1)?.atMs === sample.atMs ? before : [...before, sample].slice(-SAMPLES_MAX);
  histories.delete(scope);
  histories.set(scope, samples);
  const oldest = histories.keys().next().value;
  if (histories.size > SCOPES_MAX && oldest !== undefined) histories.delete(oldest);
  return samples;
}
