// How fast the Postgres store is by itself, in process, against what many services do by hand: a single-row INSERT … ON
// CONFLICT and an UPDATE from a pool of 16, with prepared statements. Both on one server, interleaved, random keys.
//
//   node bench/probes/postgres-store.ts [--records 200000] [--rounds 5] [--seconds 3] [--in-flight 64]

import { randomBytes, randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Pool } from 'pg';
import { durationMs, type Key, type LeaseToken, type Namespace, type Store } from '../../storage/contract/index.ts';
import { openPostgresStore } from '../../storage/postgres/index.ts';
import { execute } from '../../test/support/postgres.ts';
import { measureWindow, type Operate, type WindowResult } from '../harness/window.ts';
import { startPostgresServer } from '../servers/postgres.ts';

const NAMESPACE = 'bench/probe' as Namespace;
const RETENTION = { ttlMs: durationMs(86_400_000), graceMs: durationMs(3_600_000) };
const RESULT = randomBytes(64);
const FINGERPRINTS = [{ scheme: 'jcs-sha256-v1', digest: randomBytes(32) }];
const DIGEST = randomBytes(32).toString('hex');

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    'in-flight': { type: 'string', default: '64' },
  },
});

async function beginAndComplete(store: Store): Promise<void> {
  const id = { namespace: NAMESPACE, key: randomUUID() as Key };
  const leaseToken = randomBytes(16).toString('hex') as LeaseToken;
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
  if (!claimed.applied || !settled.applied) throw new Error('a guarded write on a fresh key was refused');
}

async function insertAndUpdate(pool: Pool): Promise<void> {
  const key = randomUUID();
  const { rowCount: inserted } = await pool.query({ ...INSERT, values: [key] });
  const { rowCount: updated } = await pool.query({ ...UPDATE, values: [key, RESULT] });
  if (inserted !== 1 || updated !== 1) throw new Error('a fresh key was taken');
}

const INSERT = {
  name: 'begin',
  text: `insert into intents (key, state, expire_time) values ($1, 0, clock_timestamp() + interval '30 s') on conflict do nothing`,
};
const UPDATE = {
  name: 'complete',
  text: `update intents set state = 1, result = $2, expire_time = clock_timestamp() + interval '1 day' where key = $1 and state = 0`,
};

/** As many completed records as the direct table has, made by Postgres itself. */
const PRELOAD = `
insert into onced_store.records (namespace, key, state, revision, attempt, attempt_origin, fencing_token, lease_token,
  lease_expire_ms, hold_start_ms, create_ms, update_ms, settle_ms, ttl_ms, expire_ms, result_expire_ms, purge_ms, owner,
  claim, outcome, settle_digest, result, result_bytes)
select 'bench/probe', convert_to(gen_random_uuid()::text, 'UTF8'), 'COMPLETED', c.now_ms + n, 1, 'FRESH', c.now_ms,
  md5(n::text), c.now_ms, c.now_ms, c.now_ms, c.now_ms, c.now_ms, 86400000, c.now_ms + 86400000 + n, c.now_ms + 86400000 + n,
  c.now_ms + 90000000 + n, 'probe', '{"attemptId":"","fingerprints":[],"labels":{}}',
  '{"contentType":"","contentEncoding":"","labels":{}}', repeat('d', 64), decode(repeat('41', 64), 'hex'), 64
from (select onced_store.clock_ms() as now_ms) c, generate_series(1, $1::int) n`;

const server = await startPostgresServer(Number(values.records));
const database = new URL(server.target);
await execute(database.href, 'create database onced');
database.pathname = '/onced';
const store = await openPostgresStore({ url: database.href });
const pool = new Pool({ connectionString: server.target, max: 16 });
pool.on('error', (error) => console.error(error.message));
try {
  await execute(database.href, PRELOAD, [Number(values.records)]);
  await execute(database.href, 'vacuum analyze onced_store.records');
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'} x ${cpus().length}, Node ${process.version}, Postgres ${server.version}, ` +
      `${values.records} records first, ${values['in-flight']} in flight, begin + complete`,
  );
  await compare({ direct: () => insertAndUpdate(pool), store: () => beginAndComplete(store) });
} finally {
  await store.close();
  await pool.end();
  await server.stop();
}

async function compare(subjects: Readonly<Record<'direct' | 'store', Operate>>): Promise<void> {
  const results: Record<keyof typeof subjects, WindowResult[]> = { direct: [], store: [] };
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const name of ['direct', 'store'] as const) {
      results[name].push(
        await measureWindow(subjects[name], {
          load: { kind: 'closed', inFlight: Number(values['in-flight']) },
          warmUpMs: 500,
          windowMs: Number(values.seconds) * 1_000,
          serverPids: server.pids,
        }),
      );
    }
  }
  for (const name of ['direct', 'store'] as const) console.log(`${name.padEnd(7)} ${lineOf(results[name])}`);
  const rate = (name: keyof typeof subjects): number => median(results[name].map(({ perSecond }) => perSecond));
  const cpu = (name: keyof typeof subjects): number => median(results[name].map(cpuUsOf));
  console.log(
    `ratio   ${(rate('store') / rate('direct')).toFixed(2)} in pairs a second, ${(cpu('direct') / cpu('store')).toFixed(2)} in CPU a pair`,
  );
}

function lineOf(results: readonly WindowResult[]): string {
  const of = (pick: (result: WindowResult) => number): string => {
    const all = results.map(pick);
    return `${median(all).toFixed(1)} (${Math.min(...all).toFixed(1)} to ${Math.max(...all).toFixed(1)})`;
  };
  return [
    `${of(({ perSecond }) => perSecond)} pairs/s`,
    `p50 ${of(({ p50Ms }) => p50Ms)} ms`,
    `p99 ${of(({ p99Ms }) => p99Ms)} ms`,
    `CPU us a pair: Postgres ${of(({ serverCpuUs }) => serverCpuUs)}`,
    `Node ${of(({ clientCpuUs }) => clientCpuUs)}`,
    `others used ${of(({ otherCores }) => otherCores)} cores`,
    `${results.reduce((sum, { errors }) => sum + errors, 0)} errors`,
  ].join(', ');
}

function cpuUsOf({ serverCpuUs, clientCpuUs }: WindowResult): number {
  return serverCpuUs + clientCpuUs;
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
}
