// The store's files on disk.

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/**
 * The one name of the file, whatever links lead to it: two servers that reach one file by two names must meet on one
 * lock. Makes the folder when it is missing.
 */
export function settlePath(path: string): string {
  const absolute = resolve(path);
  const made = mkdirSync(dirname(absolute), { recursive: true, mode: 0o700 });
  if (made !== undefined) syncFolders(dirname(absolute), dirname(made));
  return existsSync(absolute) ? realpathSync(absolute) : join(realpathSync(dirname(absolute)), basename(absolute));
}

/**
 * Readable by its owner only; SQLite gives its log the same mode. A file that is there is never opened here: closing it
 * would drop the locks that this process holds on it.
 */
export function createPrivateFile(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
}

/** A new folder outlives a power cut only once its parent was flushed; SQLite flushes the one that its file is in. */
function syncFolders(from: string, to: string): void {
  for (let folder = from; ; folder = dirname(folder)) {
    const descriptor = openSync(folder, 'r');
    fsyncSync(descriptor);
    closeSync(descriptor);
    if (folder === to) return;
  }
}
