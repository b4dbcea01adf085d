// Opens the file: checks the place, takes the lock, sets up the connection, brings the schema up to date, and proves
// that it can write. Whatever does not hold is a StoreRefusedError that says what to do.

import Sqlite, { type Database } from 'better-sqlite3';
import { epochMs, StoreRefusedError, type StoreCheck } from '../contract/index.ts';
import { checkFilesystem, checkFolder, checkFreeSpace, demand, judgeLock } from './checks.ts';
import { createClock } from './clock.ts';
import { createEngine, type Engine } from './engine.ts';
import { createPrivateFile, settlePath } from './files.ts';
import { createPlaces } from './hash.ts';
import { BALLAST_BYTES, INTEGRITY_CHECK_BYTES_MAX, RECENT_RECORDS_MAX } from './limits.ts';
import { takeLock } from './lock.ts';
import { applySettings, checkSchema, checkSettings, migrate } from './schema.ts';
import { createSpace, sizeOf } from './space.ts';
import { isFull, sqliteCode } from './trouble.ts';

export interface FileOptions {
  readonly path: string;
  /** Space held back for settling on a full disk; small in tests. */
  readonly ballastBytes?: number;
  /** Free space without which a new store is not begun; small in tests. */
  readonly freeBytesMin?: number;
  /** Places of so many new records are kept in memory before they are written; few in tests. */
  readonly recentRecordsMax?: number;
  /** For who knows that the mount locks as a local disk does. */
  readonly allowNetworkFilesystem?: boolean;
}

export interface FileLog {
  readonly info: (message: string) => void;
  readonly warn: (message: string) => void;
}

/** The engine on its file. Closing it lets go of the lock too. */
export function openEngine(options: FileOptions, log: FileLog): Engine {
  const path = settled(options.path);
  demand(path, checkFolder(path));
  demand(path, checkFilesystem(path, options.allowNetworkFilesystem === true));
  demand(path, checkFreeSpace(path, options.freeBytesMin));
  const lock = takeLock(path);
  demand(path, judgeLock(lock !== undefined));
  try {
    const engine = openFile(path, options, log);
    return {
      ...engine,
      close() {
        engine.close();
        lock?.release();
      },
    };
  } catch (error) {
    lock?.release();
    if (error instanceof StoreRefusedError) throw error;
    throw new StoreRefusedError(`${path}: SQLite cannot open it (${sqliteCode(error) ?? String(error)})`, {
      cause: error,
    });
  }
}

function openFile(path: string, options: FileOptions, log: FileLog): Engine {
  const database = openDatabase(path, log);
  try {
    const space = createSpace({ path, ballastBytes: options.ballastBytes ?? BALLAST_BYTES, warn: log.warn });
    const secret = database.prepare('select hash_secret from server where id = 1').pluck().get() as string;
    const clock = createClock(highWater(database, log));
    return createEngine({
      database,
      clock,
      space,
      places: createPlaces(secret),
      recentRecordsMax: options.recentRecordsMax ?? RECENT_RECORDS_MAX,
    });
  } catch (error) {
    database.close();
    throw error;
  }
}

function settled(path: string): string {
  try {
    return settlePath(path);
  } catch (error) {
    throw new StoreRefusedError(`${path}: the folder cannot be made or read (${String(error)})`, { cause: error });
  }
}

/** The connection with its settings and schema. Throws StoreRefusedError for the first thing that does not hold. */
export function openDatabase(path: string, log: FileLog): Database {
  createPrivateFile(path);
  try {
    return connect(path, log, 'normal');
  } catch (error) {
    if (!isFull(error)) throw error;
    // Not even space for the log's index, which stands in memory when nobody else may look.
    log.warn(`the disk of ${path} is full: until the next start no other program can read the file`);
    return connect(path, log, 'exclusive');
  }
}

function connect(path: string, log: FileLog, lockingMode: 'normal' | 'exclusive'): Database {
  const wasUnclean = sizeOf(`${path}-wal`) > 0;
  const database = new Sqlite(path);
  try {
    database.pragma(`locking_mode = ${lockingMode}`);
    demand(path, checkSchema(database));
    applySettings(database);
    if (wasUnclean) demand(path, checkIntegrity(database, path, log));
    migrate(database);
    for (const check of checkSettings(database)) demand(path, check);
    demand(path, checkFirstWrite(database));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** After an unclean stop only, and only while the file is small enough for a start not to wait for it. */
function checkIntegrity(database: Database, path: string, log: FileLog): StoreCheck {
  const isChecked = sizeOf(path) <= INTEGRITY_CHECK_BYTES_MAX;
  log.info(
    `${path} was not closed the last time: its log is played again${isChecked ? ', its pages are checked' : ''}`,
  );
  const found = isChecked ? String(database.pragma('quick_check(1)', { simple: true })) : 'ok';
  return {
    name: 'integrity',
    ok: found === 'ok',
    found: `the file is damaged (${found})`,
    needed: 'a whole file',
    fix: 'Restore it from a backup; keep the damaged file for rescue (sqlite3 FILE .recover).',
  };
}

/** The journal mode alone may lie where shared memory is missing; a write tells. A full disk is no reason to refuse. */
function checkFirstWrite(database: Database): StoreCheck {
  let found = 'a first write succeeds';
  try {
    database.prepare('update server set pings = pings + 1 where id = 1').run();
  } catch (error) {
    if (!isFull(error)) found = `a first write fails (${sqliteCode(error) ?? String(error)})`;
  }
  return {
    name: 'first write',
    ok: found === 'a first write succeeds',
    found,
    needed: 'a file that can be written',
    fix: 'Make the file and its folder writable and put them on a local disk.',
  };
}

const CLOCK_SET_BACK_MS = 60_000;

function highWater(database: Database, log: FileLog) {
  const highWaterMs = epochMs(database.prepare('select clock_ms from server where id = 1').pluck().get() as number);
  const behindMs = highWaterMs - Date.now();
  if (behindMs > CLOCK_SET_BACK_MS) {
    log.warn(
      `the wall clock is ${Math.round(behindMs / 1000)} s behind the last write: the store's clock goes on from there`,
    );
  }
  return highWaterMs;
}
