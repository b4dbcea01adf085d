// One server a file. The lock is an exclusive transaction on a tiny database beside the real one, so it is an advisory
// lock of the operating system: it dies with the process, and a kill -9 leaves nothing to clean up. It is not held on
// the database itself, so that a backup can read there while the server runs.

import Sqlite, { type Database } from 'better-sqlite3';
import { createPrivateFile } from './files.ts';
import { sqliteCode } from './trouble.ts';

export interface FileLock {
  release(): void;
}

/** Undefined when somebody else holds the lock. */
export function takeLock(path: string): FileLock | undefined {
  const lockPath = `${path}-lock`;
  createPrivateFile(lockPath);
  const database = new Sqlite(lockPath, { timeout: 0 });
  if (!isTaken(database)) {
    database.close();
    return undefined;
  }
  return { release: () => void database.close() };
}

function isTaken(database: Database): boolean {
  try {
    // Without a journal file, which a full disk would have no space for.
    database.pragma('journal_mode = memory');
    database.exec('begin exclusive');
    return true;
  } catch (error) {
    if (sqliteCode(error)?.startsWith('SQLITE_BUSY') === true) return false;
    throw error;
  }
}
