// The SQLite store on a file of its own, as the suite and the model tests open it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import type { StoreSubject } from '../subject.ts';

export const sqliteSubject: StoreSubject = {
  name: 'sqlite',
  survivesClose: true,
  makePlace: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'onced-conformance-'));
    return {
      // So few that every test meets records on both sides, and on their way.
      open: () => openSqliteStore({ path: join(folder, 'onced.db'), recentRecordsMax: 3 }),
      dispose: () => rm(folder, { recursive: true }),
    };
  },
};
