// The store at a URL.

import type { Store } from '../../../storage/contract/index.ts';
import { openPostgresStore } from '../../../storage/postgres/index.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';

export async function openAt(url: string): Promise<Store> {
  if (url.startsWith('sqlite:')) return openSqliteStore({ path: url.slice('sqlite:'.length) });
  return url.startsWith('postgres:') ? openPostgresStore({ url }) : openRedisStore({ url });
}
