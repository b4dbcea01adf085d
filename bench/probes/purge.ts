// How much a purge of a million records costs the begins beside it: the same paced begins without and with it, in turn, two
// seconds each, so that a machine's other moods meet both. Each turn's purge is interrupted, and the next one goes on. On one
// SQLite store, through the server's own PurgeRecords.
// node bench/probes/purge.ts [records] [begins a second]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
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
import { begins, newHistogram, printComparison, type Pace } from './paced.ts';

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

const folder = await mkdtemp(join(tmpdir(), 'onced-purge-'));
const store = await openSqliteStore({ path: join(folder, 'onced.db') });
const metrics = createMetrics();
const { engine, stop } = await openEngine({ store, metrics, log: pino({ level: 'silent' }) });
const pace = { store, perSecond: RATE, claimOf: (key: string) => claimOf(BESIDE, key) } satisfies Pace;
try {
  const seedStartMs = performance.now();
  await seed(store);
  console.log(`${RECORDS} records made in ${Math.round((performance.now() - seedStartMs) / 1000)} s`);
  await begins(pace, 'warm', newHistogram(), AbortSignal.timeout(3000));
  const [without, beside] = [newHistogram(), newHistogram()];
  let [removed, purgingMs, isDone] = [0, 0, false];
  for (let round = 0; !isDone && round < ROUNDS_MAX; round += 1) {
    await begins(pace, `without-${round}`, without, AbortSignal.timeout(WINDOW_MS));
    const startMs = performance.now();
    const over = new AbortController();
    const running = purge(engine, over.signal).finally(() => over.abort());
    await begins(pace, `with-${round}`, beside, AbortSignal.any([over.signal, AbortSignal.timeout(WINDOW_MS)]));
    over.abort();
    const purged = await running;
    removed += purged.removed;
    isDone = purged.done;
    purgingMs += performance.now() - startMs;
  }
  printComparison({ without, beside, beginsPerSecond: RATE, removed, workMs: purgingMs });
} finally {
  await stop();
  metrics.close();
  await store.close();
  await rm(folder, { recursive: true });
}
