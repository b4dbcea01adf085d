// The store's files on disk.

import { closeSync, existsSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/**
 * The one name of the file, whatever links lead to it: two servers that reach one file by two names must meet on one
 * lock. Makes the folder when it is missing.
 */
export function settlePath(path: string): string {
  const absolute = resolve(path);
  mkdirSync(dirname(absolute), { recursive: true, mode: 0o700 });
  return existsSync(absolute) ? realpathSync(absolute) : join(realpathSync(dirname(absolute)), basename(absolute));
}

/**
 * Readable by its owner only; SQLite gives its log the same mode. A file that is there is never opened here: closing it
 * would drop the locks that this process holds on it.
 */
export function createPrivateFile(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
}
