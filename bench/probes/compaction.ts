// How much a million expired records cost the begins beside their compaction: the same paced begins without and with it, in
// turn, two seconds each, so that a machine's other moods meet both. On one SQLite store.
// node bench/probes/compaction.ts [records] [begins a second]

import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, type Histogram } from 'hdr-histogram-js';
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
const WINDOW_MS = 2_000;
/** Twenty minutes. */
const ROUNDS_MAX = 300;
const SEED_AT_ONCE = 2000;
const HOUR_MS = 3_600_000;
const EXPIRED_AFTER_MS = 2_000;
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
  // Expired from now on, so that compaction is in no hurry.
  const nowMs = epochMs(Date.now() - EXPIRED_AFTER_MS);
  for (let done = 0; done < RECORDS; done += SEED_AT_ONCE) {
    const batch = Array.from({ length: SEED_AT_ONCE }, (_, index) => claimOf(`expired-${done + index}`));
    await Promise.all(batch.map(async (claim) => store.claim(claim, { nowMs })));
  }
}

/** Begins at an even pace until the signal fires; latency from when each was due, so that a stall is not hidden. */
async function begins(store: Store, name: string, histogram: Histogram, signal: AbortSignal): Promise<void> {
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
}

const newHistogram = (): Histogram => build({ numberOfSignificantValueDigits: 3 });

function figuresOf(histogram: Histogram): { p50Ms: number; p90Ms: number; p99Ms: number; count: number } {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000;
  return { p50Ms: at(50), p90Ms: at(90), p99Ms: at(99), count: histogram.totalCount };
}

const folder = await mkdtemp(join(tmpdir(), 'onced-compaction-'));
const store = await openSqliteStore({ path: join(folder, 'onced.db') });
try {
  const seedStartMs = performance.now();
  await seed(store);
  console.log(`${RECORDS} expired records made in ${Math.round((performance.now() - seedStartMs) / 1000)} s`);
  await begins(store, 'warm', newHistogram(), AbortSignal.timeout(3000));
  const compaction = createCompaction({
    store,
    log: pino({ level: 'silent' }),
    archived: () => Promise.resolve([]),
    batchMin: limits.compactionBatchAlone,
  });
  const [without, beside] = [newHistogram(), newHistogram()];
  let [removed, compactingMs] = [0, 0];
  for (let round = 0; removed < RECORDS && round < ROUNDS_MAX; round += 1) {
    await begins(store, `without-${round}`, without, AbortSignal.timeout(WINDOW_MS));
    const startMs = performance.now();
    const stop = new AbortController();
    const running = compaction.run({ limit: RECORDS - removed, signal: stop.signal }).finally(() => stop.abort());
    await begins(store, `with-${round}`, beside, AbortSignal.any([stop.signal, AbortSignal.timeout(WINDOW_MS)]));
    stop.abort();
    removed += (await running).recordsRemoved;
    compactingMs += performance.now() - startMs;
  }
  const figures = { without: figuresOf(without), with: figuresOf(beside) };
  const ratios = { p50: figures.with.p50Ms / figures.without.p50Ms, p99: figures.with.p99Ms / figures.without.p99Ms };
  const did = { removed, seconds: compactingMs / 1000, removedPerSecond: (removed * 1000) / compactingMs };
  const machine = { node: process.version, cores: availableParallelism(), load: loadavg()[0], beginsPerSecond: RATE };
  console.log(JSON.stringify({ ...machine, ...figures, ratios, ...did }, null, 2));
} finally {
  await store.close();
  await rm(folder, { recursive: true });
}
