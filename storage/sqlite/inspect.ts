// The start-up checks without the start: looks at the place and the file, makes and changes nothing.

import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { StoreCheck } from '../contract/index.ts';
import { checkFilesystem, checkFolder, checkFreeSpace, judgeLock } from './checks.ts';
import { takeLock } from './lock.ts';
import type { FileOptions } from './open.ts';
import { checkSchema } from './schema.ts';
import { sqliteCode } from './trouble.ts';

/** In the order in which a start would look. What cannot be looked at while a server has the file is left out. */
export function inspectSqlite(options: FileOptions): readonly StoreCheck[] {
  const path = nearestPlace(options.path);
  const place = [
    checkFolder(path),
    checkFilesystem(path, options.allowNetworkFilesystem === true),
    checkFreeSpace(path, options.freeBytesMin),
  ];
  if (!existsSync(path) || place.some((check) => !check.ok)) return place;
  const lock = existsSync(`${path}-lock`) ? takeLock(path) : 'nobody ever opened it';
  if (lock === undefined) return [...place, judgeLock(false)];
  try {
    return [...place, judgeLock(true), inspectFile(path)];
  } finally {
    if (typeof lock !== 'string') lock.release();
  }
}

/** A start makes missing folders, so what counts is the nearest one that is there. */
function nearestPlace(path: string): string {
  const absolute = resolve(path);
  let folder = dirname(absolute);
  while (!existsSync(folder)) folder = dirname(folder);
  return join(folder, basename(absolute));
}

function inspectFile(path: string): StoreCheck {
  try {
    const database = new Sqlite(path, { readonly: true, fileMustExist: true });
    try {
      return checkSchema(database);
    } finally {
      database.close();
    }
  } catch (error) {
    return {
      name: 'schema',
      ok: false,
      found: `a file that SQLite cannot read (${sqliteCode(error) ?? String(error)})`,
      needed: 'a store of Onced',
      fix: 'Choose another file with --store sqlite:PATH, or restore this one from a backup.',
    };
  }
}
