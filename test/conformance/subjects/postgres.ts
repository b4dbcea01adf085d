// The Postgres store in a database of its own, as the suite and the model tests open it. One server a test process.

import { openPostgresStore } from '../../../storage/postgres/index.ts';
import { startPostgres } from '../../support/postgres.ts';
import type { StoreSubject } from '../subject.ts';
import { shared } from './shared.ts';

const servers = shared(startPostgres);

export const postgresSubject: StoreSubject = {
  name: 'postgres',
  survivesClose: true,
  allowsPeers: true,
  pushesChanges: true,
  makePlace: async () => {
    const server = await servers.acquire();
    const url = await server.createDatabase();
    return { open: () => openPostgresStore({ url }), dispose: () => servers.release() };
  },
};
