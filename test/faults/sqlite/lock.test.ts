import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { StoreError } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { startLoad } from './child.ts';
import { claimOf, idOf, inFolder } from './scene.ts';

test('a second server on the same file is refused with the file and what to do, by whatever name it comes', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const first = startLoad({ path, mode: 'hold' });
    await first.until((said) => said.some(({ kind }) => kind === 'open'));
    const link = join(folder, 'link.db');
    await symlink(path, link);
    for (const name of [path, link]) {
      await expect(openSqliteStore({ path: name })).rejects.toThrow(
        /onced\.db: another Onced server has this file open.*Stop that server, or give this one a file of its own/,
      );
    }
    first.kill();
    await first.ended();
  });
});

test('a killed server leaves nothing that keeps the next one from opening the file', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const first = startLoad({ path, mode: 'load' });
    await first.until((said) => said.length > 50);
    first.kill();
    await first.ended();
    const store = await openSqliteStore({ path });
    expect((await store.claim(claimOf('after the kill'))).applied).toBe(true);
    await store.close();
  });
});

test('a second store in the same process is refused too, and the first goes on', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const store = await openSqliteStore({ path });
    await expect(openSqliteStore({ path })).rejects.toThrow('another Onced server has this file open');
    expect((await store.claim(claimOf('still here'))).applied).toBe(true);
    await store.close();
    const again = await openSqliteStore({ path });
    await again.close();
  });
});

test('while another program holds the write lock, writes fail soon and together, and lookups are answered', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const store = await openSqliteStore({ path });
    await store.claim(claimOf('before'));
    const other = new Sqlite(path);
    other.exec('begin immediate');
    const startMs = performance.now();
    const claims = Array.from({ length: 30 }, (_, index) => store.claim(claimOf(`key-${index}`)));
    const read = store.read({ ...idOf('before'), includeResult: false });
    const ends = await Promise.allSettled(claims);
    expect(ends.every((end) => end.status === 'rejected' && isUnavailable(end.reason))).toBe(true);
    expect((await read).record?.state).toBe('IN_PROGRESS');
    expect(performance.now() - startMs).toBeLessThan(3_000);
    other.exec('rollback');
    other.close();
    expect((await store.claim(claimOf('key-0'))).applied).toBe(true);
    await store.close();
  });
});

const isUnavailable = (error: unknown): boolean => error instanceof StoreError && error.kind === 'unavailable';
