// What the start-up checks judge, asked of one connection.

import type { Client } from 'pg';

type Setting =
  | 'array_nulls'
  | 'default_transaction_isolation'
  | 'fsync'
  | 'full_page_writes'
  | 'synchronous_commit'
  | 'synchronous_standby_names'
  | 'data_checksums';

export interface Facts extends Readonly<Record<Setting, string>> {
  readonly version: number;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  readonly encoding: string;
  /** What a write of ours commits with, whatever the role's default. */
  readonly commitLevelSet: string;
  /** 0 when Onced was never here. */
  readonly schemaVersion: number;
  readonly mayCreate: boolean;
  readonly unloggedTables: readonly string[];
  readonly clockSkewMs: number;
}

const ASK = `
select current_setting('server_version_num')::integer / 10000 as "version",
       pg_is_in_recovery() as "isStandby",
       current_setting('transaction_read_only') = 'on' as "isReadOnly",
       current_setting('server_encoding') as "encoding",
       current_setting('synchronous_commit') as "synchronous_commit",
       set_config('synchronous_commit', 'on', true) as "commitLevelSet",
       current_setting('default_transaction_isolation') as "default_transaction_isolation",
       current_setting('array_nulls') as "array_nulls",
       current_setting('fsync') as "fsync",
       current_setting('full_page_writes') as "full_page_writes",
       current_setting('synchronous_standby_names') as "synchronous_standby_names",
       current_setting('data_checksums') as "data_checksums",
       has_database_privilege(current_database(), 'CREATE') as "mayCreate",
       to_regclass('onced_store.schema_version') is not null as "hasSchema",
       date_part('epoch', clock_timestamp()) * 1000 as "clockMs",
       array(select c.relname::text
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname = 'onced_store' and c.relkind = 'r' and c.relpersistence <> 'p'
              order by 1) as "unloggedTables"`;

type Answer = Omit<Facts, 'schemaVersion' | 'clockSkewMs'> & { readonly hasSchema: boolean; readonly clockMs: number };

export async function readFacts(client: Client): Promise<Facts> {
  const startMs = Date.now();
  const { rows } = await client.query<Answer>(ASK);
  // Its clock was read somewhere between; half the way is the best guess.
  const middleMs = (startMs + Date.now()) / 2;
  const [row] = rows;
  if (row === undefined) throw new Error('Postgres did not answer the start-up checks');
  const { hasSchema, clockMs, ...facts } = row;
  const schemaVersion = hasSchema ? await readSchemaVersion(client) : 0;
  return { ...facts, schemaVersion, clockSkewMs: clockMs - middleMs };
}

async function readSchemaVersion(client: Client): Promise<number> {
  const { rows } = await client.query<{ version: number }>('select version from onced_store.schema_version');
  return rows[0]?.version ?? 0;
}
