// The mover's thread: moves what is in the log. With a connection for each time, so that closing the store never finds it.
// And flushes it: SQLite leaves that to whoever comes to the end of the log, which then took the writer 10 ms.

import { fdatasyncSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import type { Move } from './mover.ts';

const { path, descriptor, busy } = workerData as Move;

parentPort?.on('message', () => {
  try {
    const database = new Sqlite(path, { fileMustExist: true, timeout: 0 });
    try {
      database.pragma('wal_checkpoint(passive)');
    } finally {
      database.close();
    }
    fdatasyncSync(descriptor);
  } catch {
    // The writer moves the whole log then, and tells what is wrong.
  } finally {
    Atomics.store(busy, 0, 0);
    Atomics.notify(busy, 0);
  }
});
