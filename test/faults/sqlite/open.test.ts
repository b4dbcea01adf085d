import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { StoreRefusedError } from '../../../storage/contract/index.ts';
import { checkFreeSpace, judgeFilesystem } from '../../../storage/sqlite/checks.ts';
import { inspectSqlite, openSqliteStore } from '../../../storage/sqlite/index.ts';
import { claimOf, inFolder } from './scene.ts';

async function refusal(path: string): Promise<string> {
  const error: unknown = await openSqliteStore({ path }).then(
    (store) => store.close(),
    (reason: unknown) => reason,
  );
  if (!(error instanceof StoreRefusedError))
    throw new Error(`${path} was opened or failed otherwise: ${String(error)}`);
  return error.message;
}

test('a missing folder is made for this user alone, and the files in it too', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'data', 'deep', 'onced.db');
    const store = await openSqliteStore({ path });
    await store.claim(claimOf('one'));
    const modeOf = async (file: string): Promise<number> => (await stat(file)).mode & 0o777;
    expect(await modeOf(join(folder, 'data', 'deep'))).toBe(0o700);
    for (const suffix of ['', '-wal', '-lock', '-ballast']) expect(await modeOf(`${path}${suffix}`)).toBe(0o600);
    await store.close();
  });
});

test('a close leaves one whole file and no log', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const store = await openSqliteStore({ path });
    await store.claim(claimOf('one'));
    await store.close();
    await expect(stat(`${path}-wal`)).rejects.toThrow('ENOENT');
    expect(inspectSqlite({ path }).every((check) => check.ok)).toBe(true);
  });
});

test('a schema from a newer version is refused with both versions', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    await (await openSqliteStore({ path })).close();
    const file = new Sqlite(path);
    file.pragma('user_version = 999');
    file.close();
    expect(await refusal(path)).toMatch(/schema version 999.*schema version \d+ or older.*Run the version of Onced/s);
  });
});

test('a database of another program, and a file that is none, are refused and left as they were', async () => {
  await inFolder(async (folder) => {
    const foreign = join(folder, 'foreign.db');
    const file = new Sqlite(foreign);
    file.exec('create table customers (name text)');
    file.close();
    expect(await refusal(foreign)).toContain('a database of some other program');

    const text = join(folder, 'notes.txt');
    await writeFile(text, 'not a database\n'.repeat(1_000));
    const before = await stat(text);
    expect(await refusal(text)).toContain('SQLITE_NOTADB');
    expect((await stat(text)).mtimeMs).toBe(before.mtimeMs);
  });
});

test('a path that cannot be a folder, or is one, is refused', async () => {
  await inFolder(async (folder) => {
    await writeFile(join(folder, 'file'), '');
    expect(await refusal(join(folder, 'file', 'onced.db'))).toContain('the folder cannot be made');
    await mkdir(join(folder, 'folder.db'));
    expect(await refusal(join(folder, 'folder.db'))).toContain('SQLITE_CANTOPEN');
  });
});

test('a network filesystem is refused by name, unless the operator vouches for it', () => {
  const nfs = { type: 0x6969, platform: 'linux', allowNetworkFilesystem: false };
  expect(judgeFilesystem(nfs)).toMatchObject({ ok: false, found: expect.stringContaining('NFS') as string });
  expect(judgeFilesystem({ ...nfs, type: -11_317_950 }).found).toContain('CIFS');
  expect(judgeFilesystem({ ...nfs, allowNetworkFilesystem: true }).ok).toBe(true);
  expect(judgeFilesystem({ ...nfs, type: 0xef53 }).ok).toBe(true);
});

test('a new store is not begun without space, one that is there opens all the same', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const more = Number.MAX_SAFE_INTEGER;
    await expect(openSqliteStore({ path, freeBytesMin: more })).rejects.toThrow(/MiB free beside the file; needed/);
    await (await openSqliteStore({ path })).close();
    expect(checkFreeSpace(path, more).ok).toBe(true);
  });
});
