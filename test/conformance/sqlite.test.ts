import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { describeStore } from './index.ts';

describeStore({
  name: 'sqlite',
  survivesClose: true,
  makePlace: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'onced-conformance-'));
    return {
      open: () => openSqliteStore({ path: join(folder, 'onced.db') }),
      dispose: () => rm(folder, { recursive: true }),
    };
  },
});
