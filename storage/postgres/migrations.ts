// Brings the database to this build's schema, or finds it there. Forward only; many servers may start at once.

import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { StoreRefusedError } from '../contract/index.ts';
import { limits } from './limits.ts';
import { functions, migrations } from './sql.ts';
import { within } from './within.ts';

/** What this build knows. */
export const schemaVersion = migrations.at(-1)?.version ?? 0;
const functionsDigest = createHash('sha256').update(functions).digest('hex');

/** Held to the end of the transaction, so that a pooler cannot strand it. The number is arbitrary and ours. */
const LOCK = 'select pg_advisory_xact_lock(7062201893)';

interface Standing {
  readonly version: number;
  readonly digest: string;
}

/** After it the schema is this build's. Rejects with StoreRefusedError when a newer build has been here. */
export async function migrate(url: string): Promise<void> {
  const client = new Client({
    connectionString: url,
    application_name: 'onced-migration',
    connectionTimeoutMillis: limits.connectMs,
    query_timeout: limits.migrationCallMs,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    // Most starts find nothing to do, and may do so with a role that must not change the schema.
    if (isCurrent(await readStanding(client))) return;
    await client.query('begin');
    await client.query(LOCK);
    await bringForward(client, await readStanding(client));
    await client.query('commit');
  } finally {
    // Ends an open transaction too.
    await within(limits.connectMs, client.end()).catch(() => undefined);
  }
}

async function readStanding(client: Client): Promise<Standing> {
  // By the catalogue, not to_regclass: that answers from a cache which still says no after the wait for the lock.
  const { rowCount } = await client.query(
    `select from pg_tables where schemaname = 'onced_store' and tablename = 'schema_version'`,
  );
  if (rowCount === 0) return { version: 0, digest: '' };
  const { rows } = await client.query<Standing>(
    'select version, functions_digest as digest from onced_store.schema_version',
  );
  return rows[0] ?? { version: 0, digest: '' };
}

function isCurrent({ version, digest }: Standing): boolean {
  if (version > schemaVersion) {
    throw new StoreRefusedError(
      `the database has schema version ${version}, this build knows up to ${schemaVersion}: ` +
        'start a build at least as new as the newest that ever ran on it',
    );
  }
  return version === schemaVersion && digest === functionsDigest;
}

async function bringForward(client: Client, standing: Standing): Promise<void> {
  // Another server may have done it while this one waited for the lock.
  if (isCurrent(standing)) return;
  for (const { version, sql } of migrations) if (version > standing.version) await client.query(sql);
  // Functions may be replaced while older builds call them: a change that those cannot bear takes a new name.
  await client.query(functions);
  await client.query('update onced_store.schema_version set version = $1, functions_digest = $2', [
    schemaVersion,
    functionsDigest,
  ]);
}
