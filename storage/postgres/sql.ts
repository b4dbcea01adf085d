// The statements, read once from the files beside this one: the functions that migrations put into the database, and
// the calls that the store sends. No statement is ever put together from values.

import { readdirSync, readFileSync } from 'node:fs';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** In order of their numbers, which are their versions. */
export const migrations: readonly Migration[] = readdirSync(new URL('migrations', import.meta.url))
  .filter((name) => /^\d{4}-.*\.sql$/.test(name))
  .toSorted()
  .map((name) => ({ version: Number(name.slice(0, 4)), sql: read(`migrations/${name}`) }));

/** Later ones use earlier ones. */
const FUNCTION_FILES = [
  'guards',
  'claim',
  'extend',
  'settle',
  'read',
  'remove',
  'fold',
  'compact',
  'tell',
  'ping',
  'registry',
];
export const functions: string = FUNCTION_FILES.map((name) => read(`sql/${name}.sql`)).join('\n');

export const statements = {
  claim: 'select * from onced_store.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)',
  extend: 'select * from onced_store.extend($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)',
  settle: 'select * from onced_store.settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)',
  read: 'select * from onced_store.read($1, $2, $3, $4)',
  remove: 'select * from onced_store.remove($1, $2, $3, $4, $5, $6)',
  list: read('sql/list.sql'),
  compact: 'select * from onced_store.compact($1, $2, $3)',
  stats: read('sql/stats.sql'),
  tell: 'select onced_store.tell($1)',
  ping: 'select onced_store.ping($1)',
  registryGet: 'select name, revision, value from onced_store.registry where collection = $1 and name = $2',
  registryPut: 'select onced_store.registry_put($1, $2, $3, $4, $5)',
  registryRemove: 'select onced_store.registry_remove($1, $2, $3, $4)',
  registryList: `select name, revision, value from onced_store.registry
    where collection = $1 and ($2::text is null or name > $2::text) order by name limit $3`,
} as const;
