// How much a purge of a million records costs the begins beside it: the same paced begins without and with it, in turn, two
// seconds each, so that a machine's other moods meet both. Each turn's purge is interrupted, and the next one goes on. On one
// SQLite store, through the server's own PurgeRecords.
// node bench/probes/purge.ts [records] [begins a second]

import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { build, type Histogram } from 'hdr-histogram-js';
import { pino } from 'pino';
import { PurgeRecordsRequestSchema } from '../../proto/gen/onced/v1/admin_pb.js';
import { purgeRecords } from '../../server/admin/purge.ts';
import type { Engine } from '../../server/context.ts';
import { openEngine } from '../../server/engine.ts';
import { CallOver } from '../../server/errors.ts';
import { createMetrics } from '../../server/metrics.ts';
import { ANONYMOUS } from '../../server/principal.ts';
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
const [PURGED, BESIDE] = ['bench/purged', 'bench/beside'] as const;

const claimOf = (namespace: string, key: string): Parameters<Store['claim']>[0] => ({
  namespace: namespace as Namespace,
  key: key as Key,
  expected: 'absent',
  fingerprints: [],
  labels: {},
  attemptId: key,
  owner: 'bench',
  leaseToken: Buffer.from(key.padStart(16, '0').slice(-16)).toString('hex') as LeaseToken,
  leaseMs: durationMs(1000),
  orphanTtlMs: durationMs(24 * HOUR_MS),
  retention: { ttlMs: durationMs(24 * HOUR_MS), graceMs: durationMs(0) },
});

async function seed(store: Store): Promise<void> {
  const nowMs = epochMs(Date.now() - HOUR_MS);
  for (let done = 0; done < RECORDS; done += SEED_AT_ONCE) {
    const batch = Array.from({ length: SEED_AT_ONCE }, (_, index) => claimOf(PURGED, `old-${done + index}`));
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
      .claim(claimOf(BESIDE, `${name}-${count}`))
      .then(() => histogram.recordValue(Math.max(1, Math.round((performance.now() - dueMs) * 1000))))
      .finally(() => pending.delete(begin));
    pending.add(begin);
  }
  await Promise.all(pending);
}

/** Purges until the signal fires or nothing is left; how many went. */
async function purge(
  engine: Engine,
  signal: AbortSignal,
): Promise<{ readonly removed: number; readonly done: boolean }> {
  const request = create(PurgeRecordsRequestSchema, { filter: { namespace: PURGED }, reason: 'bench' });
  const call = { deadlineMs: undefined, signal, principal: ANONYMOUS };
  let [removed, done] = [0, false];
  try {
    for await (const answer of purgeRecords(engine, request, call)) {
      removed = Number(answer.removed);
      ({ done } = answer);
    }
  } catch (error) {
    if (!(error instanceof CallOver)) throw error;
  }
  return { removed, done };
}

const newHistogram = (): Histogram => build({ numberOfSignificantValueDigits: 3 });

function figuresOf(histogram: Histogram): { p50Ms: number; p90Ms: number; p99Ms: number; count: number } {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000;
  return { p50Ms: at(50), p90Ms: at(90), p99Ms: at(99), count: histogram.totalCount };
}

const folder = await mkdtemp(join(tmpdir(), 'onced-purge-'));
const store = await openSqliteStore({ path: join(folder, 'onced.db') });
const metrics = createMetrics();
const { engine, stop } = await openEngine({ store, metrics, log: pino({ level: 'silent' }) });
try {
  const seedStartMs = performance.now();
  await seed(store);
  console.log(`${RECORDS} records made in ${Math.round((performance.now() - seedStartMs) / 1000)} s`);
  await begins(store, 'warm', newHistogram(), AbortSignal.timeout(3000));
  const [without, beside] = [newHistogram(), newHistogram()];
  let [removed, purgingMs, isDone] = [0, 0, false];
  for (let round = 0; !isDone && round < ROUNDS_MAX; round += 1) {
    await begins(store, `without-${round}`, without, AbortSignal.timeout(WINDOW_MS));
    const startMs = performance.now();
    const over = new AbortController();
    const running = purge(engine, over.signal).finally(() => over.abort());
    await begins(store, `with-${round}`, beside, AbortSignal.any([over.signal, AbortSignal.timeout(WINDOW_MS)]));
    over.abort();
    const purged = await running;
    removed += purged.removed;
    isDone = purged.done;
    purgingMs += performance.now() - startMs;
  }
  const figures = { without: figuresOf(without), with: figuresOf(beside) };
  const ratios = { p50: figures.with.p50Ms / figures.without.p50Ms, p99: figures.with.p99Ms / figures.without.p99Ms };
  const did = { removed, seconds: purgingMs / 1000, removedPerSecond: (removed * 1000) / purgingMs };
  const machine = { node: process.version, cores: availableParallelism(), load: loadavg()[0], beginsPerSecond: RATE };
  console.log(JSON.stringify({ ...machine, ...figures, ratios, ...did }, null, 2));
} finally {
  await stop();
  metrics.close();
  await store.close();
  await rm(folder, { recursive: true });
}
