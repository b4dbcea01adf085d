// The limit that finds itself, against stores whose latency follows from how many are at them.

import { expect, test } from 'vitest';
import { createConcurrencyLimit, type ConcurrencyLimit } from '../../server/admission/concurrency-limit.ts';
import { limits } from '../../server/limits.ts';

/** As many as the limit allows are at the store for so many windows. */
function run(
  limit: ConcurrencyLimit,
  latencyMs: (inFlight: number) => number,
  windows: number,
  mayShrink = true,
): void {
  for (let window = 0; window < windows; window += 1) {
    for (let sample = 0; sample < 100; sample += 1) limit.sample(latencyMs(limit.current));
    limit.tick(mayShrink ? limits.admissionInFlightMin : undefined);
  }
}

/** A batch costs a flush and something an operation. */
const batching = (flushMs: number, operationMs: number) => (inFlight: number) => flushMs + operationMs * inFlight;

test('under load it comes down to where the store is not late and still does nearly all that it can', () => {
  const limit = createConcurrencyLimit();
  const store = batching(0.5, 0.05);
  run(limit, store, 100);
  const ratePerMs = limit.current / store(limit.current);
  expect(ratePerMs).toBeGreaterThan(0.85 / 0.05);
  expect(store(limit.current)).toBeLessThan(2 * limits.admissionLatencyMs);
});

test('without anybody to gain from it, it does not shrink', () => {
  const limit = createConcurrencyLimit();
  run(limit, batching(0.5, 0.05), 100, false);
  expect(limit.current).toBe(limits.admissionInFlightMax);
});

test('it never falls below its least, nor rises above its most', () => {
  const limit = createConcurrencyLimit();
  run(limit, () => 1, 10);
  const seen: number[] = [];
  for (let window = 0; window < 25; window += 1) {
    run(limit, () => 10_000, 1);
    seen.push(limit.current);
  }
  expect(Math.min(...seen)).toBe(limits.admissionInFlightMin);
  run(limit, () => 0.1, 200);
  expect(limit.current).toBe(limits.admissionInFlightMax);
});

test('a store that became slow for good is not strangled: within seconds its new latency is the measure', () => {
  const limit = createConcurrencyLimit();
  run(limit, batching(0.5, 0.05), 20);
  const seen: number[] = [];
  for (let window = 0; window < 60; window += 1) {
    run(limit, batching(50, 0.05), 1);
    seen.push(limit.current);
  }
  expect(Math.min(...seen)).toBe(limits.admissionInFlightMin);
  expect(limit.current).toBeGreaterThan(20 * limits.admissionInFlightMin);
});

test('overload begins with what the store does in the time that it may take', () => {
  const limit = createConcurrencyLimit();
  run(limit, () => 10, 10);
  limit.start(0.8);
  expect(limit.current).toBe(14);
  limit.start(0);
  expect(limit.current).toBe(limits.admissionInFlightMin);
});
