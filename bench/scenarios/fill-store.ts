// Fills a SQLite store with completed records in seconds: one is written through the store itself, the others are copies
// of its row under keys of their own. The indexes grow by random inserts, as in a store that lived.

import Sqlite, { type Database } from 'better-sqlite3';
import {
  durationMs,
  epochMs,
  type EpochMs,
  type Key,
  type LeaseToken,
  type Namespace,
} from '../../storage/contract/index.ts';
import { createPlaces } from '../../storage/sqlite/hash.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { KNOWN_NAMESPACE, knownKey } from '../drivers/known-keys.ts';

export interface Filling {
  readonly path: string;
  readonly records: number;
  /** From here on the records are due for compaction. */
  readonly purgeMs: EpochMs;
}

/** By which a purge finds them among the traffic's. */
export const FILLED_OWNER = 'filled';

const namespace = KNOWN_NAMESPACE as Namespace;
const RESULT_BYTES = 32;
const ROWS_PER_TRANSACTION = 100_000;

export async function fillStore({ path, records, purgeMs }: Filling): Promise<void> {
  await writeFirst(path, purgeMs);
  const database = new Sqlite(path);
  try {
    // Only while filling: the finished file is checkpointed and synced by the close.
    database.pragma('synchronous = off');
    database.pragma('cache_size = -2000000');
    copyRows(database, records);
    writePlaces(database);
    database.prepare('update tallies set records = ?, bytes = ?').run(records, records * RESULT_BYTES);
    database.pragma('synchronous = full');
    database.pragma('wal_checkpoint(truncate)');
  } finally {
    database.close();
  }
}

async function writeFirst(path: string, purgeMs: EpochMs): Promise<void> {
  const store = await openSqliteStore({ path });
  const id = { namespace, key: knownKey(0) as Key };
  const leaseToken = '0'.repeat(32) as LeaseToken;
  const nowMs = epochMs(Date.now());
  const ttlMs = durationMs(purgeMs - nowMs);
  const graceMs = durationMs(0);
  await store.claim(
    {
      ...id,
      expected: 'absent',
      fingerprints: [{ scheme: 'sha256-v1', digest: new Uint8Array(32).fill(5) }],
      labels: {},
      attemptId: crypto.randomUUID(),
      owner: FILLED_OWNER,
      leaseToken,
      leaseMs: durationMs(1000),
      orphanTtlMs: ttlMs,
      retention: { ttlMs, graceMs },
    },
    { nowMs },
  );
  await store.settle(
    {
      ...id,
      guard: { kind: 'token', leaseToken },
      settleDigest: '0'.repeat(64),
      ttlMs,
      graceMs,
      settlement: {
        kind: 'completed',
        result: new Uint8Array(RESULT_BYTES).fill(65),
        contentType: 'application/octet-stream',
        contentEncoding: '',
        labels: {},
        resultTtlMs: ttlMs,
      },
    },
    { nowMs },
  );
  await store.close();
}

function copyRows(database: Database, records: number): void {
  const columns = database
    .prepare<[], { name: string }>('pragma table_info(records)')
    .all()
    .map(({ name }) => name);
  const copied = columns.map((name) => (name === 'id' ? 'null' : name === 'hash' || name === 'key' ? '?' : name));
  const copy = database.prepare(
    `insert into records (${columns.join()}) select ${copied.join()} from records where id = 1`,
  );
  const secret = database.prepare<[], string>('select hash_secret from server').pluck().get() ?? '';
  const { placeOf } = createPlaces(secret);
  for (let done = 1; done < records; done += ROWS_PER_TRANSACTION) {
    const until = Math.min(records, done + ROWS_PER_TRANSACTION);
    database.transaction(() => {
      for (let index = done; index < until; index += 1) {
        const key = knownKey(index);
        copy.run(placeOf({ namespace, key: key as Key }), key);
      }
    })();
  }
}

/** As if the store had written them in the course of time. */
function writePlaces(database: Database): void {
  database.exec('insert or ignore into places select hash, id from records order by hash, id');
  database.exec('update server set placed_until = (select max(id) from records)');
}
