// A server's start with the journal of an outage beside its store, as far as the journal is concerned.

import { existsSync } from 'node:fs';
import { pino } from 'pino';
import { openEngine } from '../../../server/engine.ts';
import { createMetrics } from '../../../server/metrics.ts';
import type { Store } from '../../../storage/contract/index.ts';
import { openPostgresStore } from '../../../storage/postgres/index.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';

/** Where a store is, as a URL, and the journal that a server has left beside it. */
export interface Left {
  readonly main: string;
  readonly journal: string;
}

export async function openAt(url: string): Promise<Store> {
  if (url.startsWith('sqlite:')) return openSqliteStore({ path: url.slice('sqlite:'.length) });
  return url.startsWith('postgres:') ? openPostgresStore({ url }) : openRedisStore({ url });
}

/** Writes the journal into the store, and resolves with how many rows are left in it. */
export async function writeJournal({ main, journal }: Left, wrap = (store: Store): Store => store): Promise<number> {
  const store = wrap(await openAt(main));
  const { engine, stop } = await openEngine({
    store,
    metrics: createMetrics(),
    log: pino({ level: 'silent' }),
    journal: { exists: () => existsSync(journal), open: async () => wrap(await openSqliteStore({ path: journal })) },
  });
  await engine.outage.replay(engine);
  const left = engine.outage.kept();
  await stop();
  await store.close();
  return left;
}
