// How much a million expired records cost the begins beside their compaction: the same paced begins without and with it, in
// turn, two seconds each, so that a machine's other moods meet both. On one SQLite store.
// node bench/probes/compaction.ts [records] [begins a second]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { begins, newHistogram, printComparison, type Pace } from './paced.ts';

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

const folder = await mkdtemp(join(tmpdir(), 'onced-compaction-'));
const store = await openSqliteStore({ path: join(folder, 'onced.db') });
const pace = {
  store,
  perSecond: RATE,
  claimOf: (key: string) => ({ ...claimOf(key), leaseMs: durationMs(HOUR_MS) }),
} satisfies Pace;
try {
  const seedStartMs = performance.now();
  await seed(store);
  console.log(`${RECORDS} expired records made in ${Math.round((performance.now() - seedStartMs) / 1000)} s`);
  await begins(pace, 'warm', newHistogram(), AbortSignal.timeout(3000));
  const compaction = createCompaction({
    store,
    log: pino({ level: 'silent' }),
    archived: () => Promise.resolve([]),
    batchMin: limits.compactionBatchAlone,
  });
  const [without, beside] = [newHistogram(), newHistogram()];
  let [removed, compactingMs] = [0, 0];
  for (let round = 0; removed < RECORDS && round < ROUNDS_MAX; round += 1) {
    await begins(pace, `without-${round}`, without, AbortSignal.timeout(WINDOW_MS));
    const startMs = performance.now();
    const stop = new AbortController();
    const running = compaction.run({ limit: RECORDS - removed, signal: stop.signal }).finally(() => stop.abort());
    await begins(pace, `with-${round}`, beside, AbortSignal.any([stop.signal, AbortSignal.timeout(WINDOW_MS)]));
    stop.abort();
    removed += (await running).recordsRemoved;
    compactingMs += performance.now() - startMs;
  }
  printComparison({ without, beside, beginsPerSecond: RATE, removed, workMs: compactingMs });
} finally {
  await store.close();
  await rm(folder, { recursive: true });
}
