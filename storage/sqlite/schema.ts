// The database's shape: settings that must hold on every connection, and migrations that only go forward.

import { readdirSync, readFileSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import type { StoreCheck } from '../contract/index.ts';
import { BUSY_MS_MAX, CACHE_KIB, CACHE_KIB_LARGE, LARGE_FILE_BYTES, LOG_BYTES_KEPT } from './limits.ts';

/** Marks the file as ours ("Oncd"), so that a path to some other program's database is noticed. */
const APPLICATION_ID = 0x4f6e6364;

interface Migration {
  readonly version: number;
  readonly sql: string;
}

const FOLDER = new URL('./migrations/', import.meta.url);

const migrations = (): readonly Migration[] =>
  readdirSync(FOLDER)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .toSorted()
    .map((name) => ({ version: Number(name.slice(0, 4)), sql: readFileSync(new URL(name, FOLDER), 'utf8') }));

export function applySettings(database: Database): void {
  // Before the first table only: later they change nothing, but write, which a full disk refuses.
  if (schemaVersion(database) === 0) {
    database.pragma('page_size = 4096');
    database.pragma('auto_vacuum = incremental');
  }
  database.pragma('journal_mode = wal');
  // The driver is built with NORMAL as WAL's default, which loses the last commits at a power cut.
  database.pragma('synchronous = full');
  database.pragma(`busy_timeout = ${BUSY_MS_MAX}`);
  // The engine moves the log itself: SQLite's own would make a request pay, and would swallow its errors.
  database.pragma('wal_autocheckpoint = 0');
  database.pragma(`journal_size_limit = ${LOG_BYTES_KEPT}`);
  fitCache(database);
  database.pragma('temp_store = memory');
}

/** Of the file as it is now: to be called again as it grows. */
export function fitCache(database: Database): void {
  const sizeOf = (unit: 'page_count' | 'page_size'): number => Number(database.pragma(unit, { simple: true }));
  const isLarge = sizeOf('page_count') * sizeOf('page_size') > LARGE_FILE_BYTES;
  database.pragma(`cache_size = -${isLarge ? CACHE_KIB_LARGE : CACHE_KIB}`);
}

export function checkSettings(database: Database): readonly StoreCheck[] {
  const journal = String(database.pragma('journal_mode', { simple: true }));
  const synchronous = Number(database.pragma('synchronous', { simple: true }));
  return [
    {
      name: 'journal',
      ok: journal === 'wal',
      found: `journal mode ${journal}`,
      needed: 'wal',
      fix: 'Put the file on a local disk whose filesystem supports shared memory maps.',
    },
    {
      name: 'durability',
      ok: synchronous === 2,
      found: `synchronous ${synchronous}`,
      needed: '2 (full): a commit is on the disk before it is acknowledged',
      fix: 'This is a fault of this build of SQLite; please report it.',
    },
  ];
}

export function checkSchema(database: Database): StoreCheck {
  const version = schemaVersion(database);
  const known = migrations().at(-1)?.version ?? 0;
  const isOurs =
    version === 0 ? isEmpty(database) : database.pragma('application_id', { simple: true }) === APPLICATION_ID;
  return {
    name: 'schema',
    ok: isOurs && version <= known,
    found: isOurs ? `schema version ${version}` : 'a database of some other program',
    needed: `a store of Onced with schema version ${known} or older`,
    fix: isOurs
      ? 'Run the version of Onced that wrote this file, or a newer one.'
      : 'Choose another file with --store sqlite:PATH.',
  };
}

const schemaVersion = (database: Database): number => Number(database.pragma('user_version', { simple: true }));

const isEmpty = (database: Database): boolean =>
  database.prepare('select count(*) from sqlite_schema').pluck().get() === 0;

/** Brings the schema up to date, each migration whole or not at all. */
export function migrate(database: Database): void {
  const pending = migrations().filter(({ version }) => version > schemaVersion(database));
  for (const { version, sql } of pending) {
    database
      .transaction(() => {
        database.exec(sql);
        database.pragma(`application_id = ${APPLICATION_ID}`);
        database.pragma(`user_version = ${version}`);
      })
      .immediate();
  }
}
