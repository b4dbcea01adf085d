// What must be true of the database before a store opens there, as sentences. `onced doctor` shows the same list, and a
// running server asks again now and then: a failover or an operator may change each of these.

import { Client, DatabaseError } from 'pg';
import { refusalOf, StoreRefusedError, type StoreCheck } from '../contract/index.ts';
import { readFacts, type Facts } from './facts.ts';
import { limits } from './limits.ts';
import { readLocation } from './location.ts';
import { schemaVersion } from './migrations.ts';
import { within } from './within.ts';

/** Changes nothing. Rejects when there is nobody to ask: with StoreRefusedError when the settings are to blame. */
export async function inspectPostgres(options: { readonly url: string }): Promise<readonly StoreCheck[]> {
  const { url, shown } = readLocation(options.url);
  const client = new Client({ connectionString: url, connectionTimeoutMillis: limits.connectMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return checksOf(await within(limits.adminCallMs, readFacts(client)));
  } catch (error) {
    throw startError(error, shown);
  } finally {
    await within(limits.connectMs, client.end()).catch(() => undefined);
  }
}

/** Throws the first check that does not hold as a sentence that says what was found and what to do. */
export function demand(shown: string, checks: readonly StoreCheck[]): void {
  const refusal = refusalOf(checks);
  if (refusal !== undefined) throw new StoreRefusedError(`${shown}: ${refusal}`);
}

const REFUSALS: Readonly<Record<string, string>> = {
  '28000': 'the role is not let in. Check the user in --store, and pg_hba.conf on the server.',
  '28P01': 'the password is wrong. Check user and password in --store.',
  '3D000': 'there is no such database. Make it (CREATE DATABASE), or name another one in --store.',
  '42501':
    'the role may not do this. Start once with a role that may create schemas, then grant as docs/postgres.md says.',
};

/** What an error while starting says to whoever started: a setting is wrong, or Postgres cannot be reached. */
export function startError(error: unknown, shown: string): Error {
  if (error instanceof StoreRefusedError) return error;
  const refusal = error instanceof DatabaseError ? REFUSALS[error.code ?? ''] : undefined;
  if (refusal !== undefined) return new StoreRefusedError(`${shown}: ${refusal}`, { cause: error });
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(`${shown}: ${reason}`, { cause: error });
}

const CLOCK_SKEW_MS_MAX = 1_000;
const VERSION_MIN = 13;

const checksOf = (facts: Facts): readonly StoreCheck[] => [
  {
    name: 'version',
    ok: facts.version >= VERSION_MIN,
    found: `Postgres ${facts.version}`,
    needed: `Postgres ${VERSION_MIN} or later`,
    fix: 'Upgrade the server.',
  },
  {
    name: 'primary',
    ok: !facts.isStandby,
    found: facts.isStandby ? 'a standby, which may lag behind and cannot be written' : 'a primary',
    needed: 'the primary',
    fix: 'Name the primary in --store: its own address, or one that follows it.',
  },
  {
    name: 'writable',
    ok: facts.isStandby || !facts.isReadOnly,
    found: facts.isReadOnly ? 'transactions are read-only' : 'transactions may write',
    needed: 'transactions that write',
    fix: 'Set default_transaction_read_only = off for this role and database, and see that the disk is not full.',
  },
  ...durabilityChecks(facts),
  {
    name: 'encoding',
    ok: facts.encoding === 'UTF8',
    found: `a database in ${facts.encoding}`,
    needed: 'a database in UTF8',
    fix: `Make one: CREATE DATABASE onced ENCODING 'UTF8' TEMPLATE template0, and name it in --store.`,
  },
  {
    name: 'schema',
    ok: facts.schemaVersion <= schemaVersion && (facts.schemaVersion === schemaVersion || facts.mayCreate),
    found: facts.schemaVersion === 0 ? 'no schema of Onced yet' : `schema version ${facts.schemaVersion}`,
    needed: `schema version ${schemaVersion}, or an older one and a role that may bring it forward`,
    fix:
      facts.schemaVersion > schemaVersion
        ? 'Start a build at least as new as the newest that ever ran on this database.'
        : 'Start once with a role that may create schemas, then grant as docs/postgres.md says.',
  },
  {
    name: 'isolation',
    ok: facts.default_transaction_isolation === 'read committed',
    found: `default_transaction_isolation = ${facts.default_transaction_isolation}`,
    needed: 'read committed, at which each statement judges what is committed now',
    fix: `ALTER ROLE … SET default_transaction_isolation = 'read committed' for the role in --store.`,
  },
  {
    name: 'array_nulls',
    ok: facts.array_nulls === 'on',
    found: `array_nulls = ${facts.array_nulls}`,
    needed: 'on: otherwise NULL in a list is the word',
    fix: 'Remove the setting, which is for Postgres before 8.2.',
  },
  {
    name: 'clock',
    ok: Math.abs(facts.clockSkewMs) <= CLOCK_SKEW_MS_MAX,
    isAdvice: true,
    found: `its clock is ${Math.round(Math.abs(facts.clockSkewMs))} ms ${facts.clockSkewMs < 0 ? 'behind' : 'ahead of'} this machine's`,
    needed: `at most ${CLOCK_SKEW_MS_MAX} ms apart`,
    fix: "Let NTP set both clocks. Only Postgres' counts for leases; times shown to people differ.",
  },
];

function durabilityChecks(facts: Facts): readonly StoreCheck[] {
  const unlogged = facts.unloggedTables.join(', ');
  return [
    ...(['fsync', 'full_page_writes'] as const).map((name) => ({
      name,
      ok: facts[name] === 'on',
      found: `${name} = ${facts[name]}`,
      needed: `${name} = on: without it an acknowledged outcome does not survive a power cut`,
      fix: `Set ${name} = on in postgresql.conf and reload.`,
    })),
    {
      name: 'synchronous_commit',
      ok: facts.commitLevelSet === 'on',
      found: `on for each write of Onced (this role's default is ${facts.synchronous_commit})`,
      needed: 'on',
      fix: 'Let this role set synchronous_commit.',
    },
    {
      name: 'tables',
      ok: facts.unloggedTables.length === 0,
      found: unlogged === '' ? 'all tables are logged' : `unlogged: ${unlogged}`,
      needed: 'tables that survive a crash',
      fix: 'ALTER TABLE … SET LOGGED for each of them.',
    },
    {
      name: 'standbys',
      ok: facts.synchronous_standby_names !== '',
      isAdvice: true,
      found:
        facts.synchronous_standby_names === ''
          ? 'no synchronous standby: what is acknowledged is on this disk alone'
          : `synchronous standbys: ${facts.synchronous_standby_names}`,
      needed: 'a synchronous standby, if outcomes must survive the loss of this machine',
      fix: 'Set synchronous_standby_names.',
    },
    {
      name: 'data checksums',
      ok: facts.data_checksums === 'on',
      isAdvice: true,
      found: `data_checksums = ${facts.data_checksums}`,
      needed: 'on, so that a damaged page is an error and not a wrong answer',
      fix: 'Run pg_checksums --enable while the server is stopped.',
    },
  ];
}
