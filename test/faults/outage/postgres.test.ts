// Ten seconds without Postgres, killed under load.

import { test } from 'vitest';
import { openPostgresStore } from '../../../storage/postgres/index.ts';
import { startPostgres } from '../../support/postgres.ts';
import { proveOutage } from './outage.ts';

test('Postgres killed for 10 s: no call fails where the namespace goes on, all are refused where it rejects', async () => {
  const server = await startPostgres();
  const open = async () => openPostgresStore({ url: server.url });
  try {
    await proveOutage(
      { open, stop: async () => server.kill(), start: async () => server.start() },
      { outageMs: 10_000, unawareMsMax: 100 },
    );
  } finally {
    await server.dispose();
  }
}, 120_000);
