// Ten seconds without Postgres, killed under load.

import { test } from 'vitest';
import { openPostgresStore } from '../../../storage/postgres/index.ts';
import { startPostgres } from '../../support/postgres.ts';
import { proveOutage } from './outage.ts';

test('Postgres killed for 10 s: no call fails where the namespace goes on, all are refused where it rejects', async () => {
  const server = await startPostgres();
  try {
    await proveOutage({ ...server, open: async () => openPostgresStore({ url: server.url }) });
  } finally {
    await server.dispose();
  }
}, 120_000);
