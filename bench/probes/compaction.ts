// How much a million expired records cost the begins beside their compaction: the same paced begins without and with it, in
// one run, on one SQLite store. node bench/probes/compaction.ts [records] [begins a second]

import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'hdr-histogram-js';
import { pino } from 'pino';
import { createCompaction } from '../../server/compaction.ts';
import { limits } from '../../server/limits.ts';
import {
  durationMs,
  epochMs,
  type Key,
  type LeaseToken,
  type Namespace,
  type Store,
} from '../../storage/contract/index.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';

const RECORDS = Number(process.argv[2] ?? 1_000_000);
const RATE = Number(process.argv[3] ?? 500);
const WINDOW_MS = 15_000;
const SEED_AT_ONCE = 2000;
const HOUR_MS = 3_600_000;
const NAMESPACE = 'bench/compaction' as Namespace;

const claimOf = (key: string): Parameters<Store['claim']>[0] => ({
  namespace: NAMESPACE,
  key: key as Key,
  expected: 'absent',
  fingerprints: [],
  labels: {},
  attemptId: key,
  owner: 'bench',
  leaseToken: Buffer.from(key.padStart(16, '0').slice(-16)).toString('hex') as LeaseToken,
  leaseMs: durationMs(1000),
  orphanTtlMs: durationMs(1000),
  retention: { ttlMs: durationMs(1000), graceMs: durationMs(0) },
});

async function seed(store: Store): Promise<void> {
  const nowMs = epochMs(Date.now() - HOUR_MS);
  for (let done = 0; done < RECORDS; done += SEED_AT_ONCE) {
    const batch = Array.from({ length: SEED_AT_ONCE }, (_, index) => claimOf(`expired-${done + index}`));
    await Promise.all(batch.map(async (claim) => store.claim(claim, { nowMs })));
  }
}

/** Begins at an even pace until the signal fires; latency from when each was due, so that a stall is not hidden. */
async function begins(
  store: Store,
  name: string,
  signal: AbortSignal,
): Promise<{ p50Ms: number; p99Ms: number; count: number }> {
  const histogram = build({ numberOfSignificantValueDigits: 3 });
  const startMs = performance.now();
  const pending = new Set<Promise<void>>();
  for (let count = 0; !signal.aborted; count += 1) {
    const dueMs = startMs + (count * 1000) / RATE;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 0) await sleep(earlyMs);
    const begin: Promise<void> = store
      .claim({ ...claimOf(`${name}-${count}`), leaseMs: durationMs(HOUR_MS) })
      .then(() => histogram.recordValue(Math.max(1, Math.round((performance.now() - dueMs) * 1000))))
      .finally(() => pending.delete(begin));
    pending.add(begin);
  }
  await Promise.all(pending);
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000;
  return { p50Ms: at(50), p99Ms: at(99), count: histogram.totalCount };
}

const folder = await mkdtemp(join(tmpdir(), 'onced-compaction-'));
const store = await openSqliteStore({ path: join(folder, 'onced.db') });
try {
  const seedStartMs = performance.now();
  await seed(store);
  console.log(`${RECORDS} expired records made in ${Math.round((performance.now() - seedStartMs) / 1000)} s`);
  await begins(store, 'warm', AbortSignal.timeout(3000));
  const without = await begins(store, 'without', AbortSignal.timeout(WINDOW_MS));
  const compaction = createCompaction({ store, log: pino({ level: 'silent' }), archived: () => Promise.resolve([]) });
  const stop = new AbortController();
  const startMs = performance.now();
  const running = compaction.run({ limit: RECORDS, signal: stop.signal }).then((progress) => {
    stop.abort();
    return progress;
  });
  const beside = await begins(store, 'with', AbortSignal.any([stop.signal, AbortSignal.timeout(8 * WINDOW_MS)]));
  stop.abort();
  const { recordsRemoved } = await running;
  const seconds = (performance.now() - startMs) / 1000;
  const figures = { without, with: beside, p99Ratio: beside.p99Ms / without.p99Ms, recordsRemoved, seconds };
  const settings = { batch: limits.compactionBatch, pauseMsMin: limits.compactionPauseMsMin, beginsPerSecond: RATE };
  console.log(JSON.stringify({ node: process.version, cores: availableParallelism(), settings, ...figures }, null, 2));
} finally {
  await store.close();
  await rm(folder, { recursive: true });
}
