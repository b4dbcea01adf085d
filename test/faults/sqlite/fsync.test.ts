import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { describeWithStrace } from '../../support/with-strace.ts';
import { missingFrom } from './acknowledged.ts';
import { startLoad } from './child.ts';
import { inFolder } from './scene.ts';

// Of the writer thread, after those of its start. Only twice, as with a disk that loses pages and then says all is well.
const failingFsync = (error: string): readonly string[] => [
  'strace',
  '--seccomp-bpf',
  '-f',
  '-qqq',
  '-o',
  '/dev/null',
  '-e',
  'trace=fsync,fdatasync',
  '-e',
  `inject=fsync,fdatasync:error=${error}:when=30..31`,
];

describeWithStrace('a failing fsync', () => {
  test('a failed fsync ends the process with its reason, and all that was acknowledged is there', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'onced.db');
      const load = startLoad({ path, mode: 'load', under: failingFsync('EIO') });
      expect((await load.ended()).code).toBe(1);
      expect(load.stderr()).toContain('SQLITE_IOERR_FSYNC');
      expect(load.said.filter(({ kind }) => kind === 'settled').length).toBeGreaterThan(0);
      const store = await openSqliteStore({ path });
      expect(await missingFrom(store, load.said)).toEqual([]);
      await store.close();
    });
  });

  test('after a failed fsync nothing is acknowledged, though later ones would succeed', async () => {
    await inFolder(async (folder) => {
      const load = startLoad({ path: join(folder, 'onced.db'), mode: 'keep-going', under: failingFsync('EIO') });
      await load.ended();
      const fatal = load.said.findIndex(({ kind }) => kind === 'fatal');
      expect(fatal).toBeGreaterThan(0);
      expect(new Set(load.said.slice(fatal + 1).map(({ kind }) => kind))).toEqual(new Set(['rejected']));
    });
  });
});
