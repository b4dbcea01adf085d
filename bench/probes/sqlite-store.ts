// How fast the SQLite store is by itself, in process: random keys on a file that already holds many records, a fixed
// number of operations in flight, FULL durability. Each Begin (claim) and each Complete (settle) counts as one operation.
//
//   node bench/probes/sqlite-store.ts [--records 500000] [--seconds 10] [--in-flight 64] [--folder .]

import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { durationMs, type Key, type LeaseToken, type Namespace, type Store } from '../../storage/contract/index.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';

const NAMESPACE = 'bench/probe' as Namespace;
const RETENTION = { ttlMs: durationMs(86_400_000), graceMs: durationMs(3_600_000) };
const RESULT = randomBytes(64);
const FINGERPRINTS = [{ scheme: 'jcs-sha256-v1', digest: randomBytes(32) }];
const DIGEST = randomBytes(32).toString('hex');
const PRELOAD_IN_FLIGHT = 512;

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '500000' },
    seconds: { type: 'string', default: '10' },
    'in-flight': { type: 'string', default: '64' },
    folder: { type: 'string', default: '.' },
  },
});

interface Tally {
  operations: number;
  readonly latency: RecordableHistogram;
}

async function beginAndComplete(store: Store, tally: Tally): Promise<void> {
  const id = { namespace: NAMESPACE, key: randomUUID() as Key };
  const leaseToken = randomBytes(16).toString('hex') as LeaseToken;
  let startMs = performance.now();
  const done = (): void => {
    tally.latency.record(Math.max(1, Math.round((performance.now() - startMs) * 1_000)));
    tally.operations += 1;
    startMs = performance.now();
  };
  const claimed = await store.claim({
    ...id,
    expected: 'absent',
    fingerprints: FINGERPRINTS,
    labels: {},
    attemptId: randomUUID(),
    owner: 'probe',
    leaseToken,
    leaseMs: durationMs(30_000),
    orphanTtlMs: RETENTION.ttlMs,
    retention: RETENTION,
  });
  done();
  const settled = await store.settle({
    ...id,
    guard: { kind: 'token', leaseToken },
    settlement: {
      kind: 'completed',
      result: RESULT,
      contentType: 'application/json',
      contentEncoding: '',
      labels: {},
      resultTtlMs: RETENTION.ttlMs,
    },
    settleDigest: DIGEST,
    ttlMs: undefined,
    graceMs: RETENTION.graceMs,
  });
  done();
  if (!claimed.applied || !settled.applied) throw new Error('a guarded write on a fresh key was refused');
}

async function inFlight(count: number, tally: Tally, store: Store, isOver: () => boolean): Promise<void> {
  const lane = async (): Promise<void> => {
    while (!isOver()) await beginAndComplete(store, tally);
  };
  await Promise.all(Array.from({ length: count }, lane));
}

async function measure(store: Store, seconds: number, count: number): Promise<void> {
  const tally: Tally = { operations: 0, latency: createHistogram() };
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  await inFlight(count, tally, store, () => performance.now() - startMs >= seconds * 1_000);
  const tookMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  const ms = (microseconds: number): string => (microseconds / 1_000).toFixed(2);
  const { latency, operations } = tally;
  console.log(
    [
      `${count} in flight`,
      `${Math.round((operations / tookMs) * 1_000)} ops/s`,
      `p50 ${ms(latency.percentile(50))} ms`,
      `p99 ${ms(latency.percentile(99))} ms`,
      `max ${ms(latency.max)} ms`,
      `${((user + system) / operations).toFixed(1)} us CPU an op`,
      `main loop ${(performance.eventLoopUtilization(loop).utilization * 100).toFixed(0)} % busy`,
    ].join(', '),
  );
}

const folder = await mkdtemp(join(values.folder, 'onced-probe-'));
const store = await openSqliteStore({ path: join(folder, 'onced.db') });
try {
  const records = Number(values.records);
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'} x ${cpus().length}, Node ${process.version}, ${records} records first`,
  );
  const preload: Tally = { operations: 0, latency: createHistogram() };
  const startMs = performance.now();
  await inFlight(PRELOAD_IN_FLIGHT, preload, store, () => preload.operations >= records * 2);
  console.log(`preloaded in ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
  for (const count of values['in-flight'].split(',').map(Number)) await measure(store, Number(values.seconds), count);
  const stats = await store.stats();
  console.log(`${((stats.storeBytes ?? 0) / 2 ** 20).toFixed(0)} MiB on disk`);
} finally {
  await store.close();
  await rm(folder, { recursive: true });
}
