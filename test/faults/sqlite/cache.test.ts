import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { CACHE_KIB, CACHE_KIB_LARGE, LARGE_FILE_BYTES } from '../../../storage/sqlite/limits.ts';
import { fitCache } from '../../../storage/sqlite/schema.ts';
import { inFolder } from './scene.ts';

const PAGE_BYTES = 4_096;
/** Where a file's header says how many pages it has. */
const PAGE_COUNT_OFFSET = 28;

/** A file that says it has so many pages, of which none but the first was ever written. */
function hollowFile(path: string, pages: number): void {
  const database = new Sqlite(path);
  database.exec('create table t (x)');
  database.close();
  const file = openSync(path, 'r+');
  const count = Buffer.alloc(4);
  count.writeUInt32BE(pages);
  writeSync(file, count, 0, 4, PAGE_COUNT_OFFSET);
  ftruncateSync(file, pages * PAGE_BYTES);
  closeSync(file);
}

test('the cache is small while SQLite scans it at commits, and large from 1 GiB on', async () => {
  await inFolder((folder) => {
    const pagesMax = LARGE_FILE_BYTES / PAGE_BYTES;
    const cacheOf = (pages: number): unknown => {
      const path = join(folder, `${pages}.db`);
      hollowFile(path, pages);
      const database = new Sqlite(path);
      fitCache(database);
      const kib = database.pragma('cache_size', { simple: true });
      database.close();
      return kib;
    };
    expect(cacheOf(pagesMax)).toBe(-CACHE_KIB);
    expect(cacheOf(pagesMax + 1)).toBe(-CACHE_KIB_LARGE);
    return Promise.resolve();
  });
});
