// Opening: what is refused and with which sentence, and what many servers do that start at once.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectPostgres, openPostgresStore } from '../../storage/postgres/index.ts';
import { runOnced } from '../support/onced.ts';
import { execute, startPostgres, type PostgresServer } from '../support/postgres.ts';
import { requestsIn } from '../support/requests.ts';

const { claimOf } = requestsIn('tests/open');

describe('opening the Postgres store', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.dispose());

  const databaseOf = (url: string): string => new URL(url).pathname.slice(1);
  const failedChecks = async (url: string): Promise<readonly string[]> =>
    (await inspectPostgres({ url })).filter(({ ok, isAdvice }) => !ok && isAdvice !== true).map(({ name }) => name);
  const as = (user: string, url: string): string => {
    const parsed = new URL(url);
    parsed.username = user;
    return parsed.href;
  };

  test('a good database passes every check, before and after the first start', async () => {
    const url = await server.createDatabase();
    expect(await failedChecks(url)).toEqual([]);
    expect((await inspectPostgres({ url })).find(({ name }) => name === 'schema')?.found).toBe(
      'no schema of Onced yet',
    );
    await (await openPostgresStore({ url })).close();
    expect(await failedChecks(url)).toEqual([]);
    expect((await inspectPostgres({ url })).find(({ name }) => name === 'schema')?.found).toMatch(
      /^schema version \d+$/,
    );
  });

  test('looking changes nothing', async () => {
    const url = await server.createDatabase();
    await inspectPostgres({ url });
    const { rowCount } = await execute(url, `select from pg_namespace where nspname like 'onced%'`);
    expect(rowCount).toBe(0);
  });

  test('a read-only database is refused with what to set', async () => {
    const url = await server.createDatabase();
    await execute(url, `alter database ${databaseOf(url)} set default_transaction_read_only = on`);
    await expect(openPostgresStore({ url })).rejects.toThrow(
      /^postgres:\/\/127\.0\.0\.1:\d+\/database_\d+: writable: found transactions are read-only; needed transactions that write\. Set default_transaction_read_only = off/,
    );
    expect(await failedChecks(url)).toEqual(['writable']);
  });

  test('onced serve and onced doctor say the same of it, and end with 1', async () => {
    const url = await server.createDatabase();
    await execute(url, `alter database ${databaseOf(url)} set default_transaction_read_only = on`);
    const ports = ['--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    const served = await runOnced(['serve', '--store', url, ...ports]);
    expect(served).toMatchObject({ code: 1, stdout: '' });
    expect(served.stderr).toContain('Set default_transaction_read_only = off');
    const doctor = await runOnced(['doctor', '--store', url]);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout.replaceAll(/[│\s]+/g, ' ')).toContain('default_transaction_read_only = off');
  });

  test('a database in another encoding is refused', async () => {
    await execute(server.url, `create database latin encoding 'LATIN1' template template0 locale 'C'`);
    const url = new URL(server.url);
    url.pathname = '/latin';
    await expect(openPostgresStore({ url: url.href })).rejects.toThrow('encoding: found a database in LATIN1');
  });

  test('defaults under which the store would judge or read wrongly are refused', async () => {
    const url = await server.createDatabase();
    for (const [setting, value] of [
      ['default_transaction_isolation', 'serializable'],
      ['array_nulls', 'off'],
    ] as const) {
      await execute(url, `alter database ${databaseOf(url)} set ${setting} = ${value}`);
      await expect(openPostgresStore({ url })).rejects.toThrow(`found ${setting} = ${value}; needed`);
      await execute(url, `alter database ${databaseOf(url)} reset ${setting}`);
    }
    expect(await failedChecks(url)).toEqual([]);
  });

  test('a wrong database, role and address are told apart', async () => {
    const missing = new URL(server.url);
    missing.pathname = '/missing';
    await expect(openPostgresStore({ url: missing.href })).rejects.toThrow('there is no such database');
    await expect(openPostgresStore({ url: as('stranger', server.url) })).rejects.toThrow('the role is not let in');
    await expect(openPostgresStore({ url: 'postgres://127.0.0.1:1/x' })).rejects.toThrow('ECONNREFUSED');
  });

  test('a sentence never shows the password', async () => {
    const url = 'postgres://someone:hunter2@127.0.0.1:1/x';
    await expect(openPostgresStore({ url })).rejects.toThrow(/^postgres:\/\/127\.0\.0\.1:1\/x: /);
    await expect(openPostgresStore({ url })).rejects.not.toThrow('hunter2');
  });

  test('a commit level that loses acknowledged outcomes is refused', async () => {
    const url = `${await server.createDatabase()}?synchronous_commit=off`;
    await expect(openPostgresStore({ url })).rejects.toThrow('synchronous_commit=off; needed: on or remote_apply');
  });

  test('unlogged tables are refused', async () => {
    const url = await server.createDatabase();
    await (await openPostgresStore({ url })).close();
    await execute(url, 'alter table onced_store.records set unlogged');
    await expect(openPostgresStore({ url })).rejects.toThrow('tables: found unlogged: records');
  });

  test('a schema of a newer build is refused', async () => {
    const url = await server.createDatabase();
    await (await openPostgresStore({ url })).close();
    await execute(url, 'update onced_store.schema_version set version = 1000');
    await expect(openPostgresStore({ url })).rejects.toThrow('schema: found schema version 1000');
  });

  test('a role that may not make the schema is told so, and may use it once it is there', async () => {
    const url = await server.createDatabase();
    await execute(url, 'create role plain login');
    await expect(openPostgresStore({ url: as('plain', url) })).rejects.toThrow('schema: found no schema of Onced yet');
    await (await openPostgresStore({ url })).close();
    await execute(
      url,
      `grant usage on schema onced_store to plain;
       grant select, insert, update, delete on all tables in schema onced_store to plain`,
    );
    const store = await openPostgresStore({ url: as('plain', url) });
    expect((await store.claim(claimOf('of a plain role'))).applied).toBe(true);
    await store.ping();
    await store.compact({ limit: 10 });
    await store.close();
  });

  test('eight servers that start at once on an empty database all open, and it is migrated once', async () => {
    const url = await server.createDatabase();
    const stores = await Promise.all(Array.from({ length: 8 }, () => openPostgresStore({ url })));
    const claims = await Promise.all(stores.map((store) => store.claim(claimOf('one for all'))));
    expect(claims.filter(({ applied }) => applied)).toHaveLength(1);
    expect((await execute(url, 'select * from onced_store.schema_version')).rowCount).toBe(1);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('a start that died in the middle of a migration leaves nothing behind', async () => {
    const url = await server.createDatabase();
    await execute(url, `create type public.blocker as (a int); create schema onced`);
    await expect(openPostgresStore({ url })).rejects.toThrow('schema "onced" already exists');
    expect((await execute(url, `select from pg_namespace where nspname = 'onced_store'`)).rowCount).toBe(0);
    await execute(url, 'drop schema onced');
    await (await openPostgresStore({ url })).close();
  });
});

test('a Postgres without fsync or full_page_writes is refused', async () => {
  const server = await startPostgres({ settings: { fsync: 'off' } });
  await expect(openPostgresStore({ url: server.url })).rejects.toThrow(
    'fsync: found fsync = off; needed fsync = on: without it an acknowledged outcome does not survive a power cut',
  );
  await server.dispose();
});
