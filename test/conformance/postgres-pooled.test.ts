// The whole suite behind a pooler in transaction mode, which gives each transaction whatever session is free.

import { openPostgresStore } from '../../storage/postgres/index.ts';
import { startPgBouncer } from '../support/pgbouncer.ts';
import { startPostgres } from '../support/postgres.ts';
import { describeWith } from '../support/with-package.ts';
import { describeStore } from './index.ts';
import { postgresSubject } from './subjects/postgres.ts';

describeWith({ program: 'pgbouncer', packages: ['pgbouncer'] }, 'PgBouncer in transaction mode', () => {
  describeStore({
    ...postgresSubject,
    name: 'pooled postgres',
    makePlace: async () => {
      const server = await startPostgres();
      const pooler = await startPgBouncer(server);
      const url = await server.createDatabase();
      const pooled = `${pooler.through(url)}?listen=${encodeURIComponent(url)}`;
      return {
        open: () => openPostgresStore({ url: pooled }),
        async dispose() {
          await pooler.dispose();
          await server.dispose();
        },
      };
    },
  });
});
