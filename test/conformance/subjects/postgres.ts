// The Postgres store in a database of its own, as the suite and the model tests open it. One server a test process.

import { openPostgresStore } from '../../../storage/postgres/index.ts';
import { startPostgres, type PostgresServer } from '../../support/postgres.ts';
import type { StoreSubject } from '../subject.ts';

export const postgresSubject: StoreSubject = {
  name: 'postgres',
  survivesClose: true,
  allowsPeers: true,
  pushesChanges: true,
  makePlace: async () => {
    const server = await acquireServer();
    const url = await server.createDatabase();
    return { open: () => openPostgresStore({ url }), dispose: releaseServer };
  },
};

let shared: Promise<PostgresServer> | undefined;
let places = 0;

function acquireServer(): Promise<PostgresServer> {
  places += 1;
  shared ??= startPostgres();
  return shared;
}

/** The last place that is disposed of ends the server. */
async function releaseServer(): Promise<void> {
  places -= 1;
  const server = shared;
  if (places > 0 || server === undefined) return;
  shared = undefined;
  await (await server).dispose();
}
