// The statements, read once from the files beside this one: the functions that migrations put into the database, and
// the calls that the store sends. No statement is ever put together from values.

import { hash } from 'node:crypto';
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
  'settle-held',
  'public/complete',
  'public/fail',
  'public/check-fence',
];
export const functions: string = FUNCTION_FILES.map((name) => read(`sql/${name}.sql`)).join('\n');

export interface Statement {
  readonly text: string;
  /** Of a statement that is worth preparing. Unique for its text: behind a pooler, builds share their connections. */
  readonly name?: string;
}

const prepared = (text: string): Statement => ({ text, name: `onced_${hash('sha256', text, 'hex').slice(0, 16)}` });

export const statements = {
  claim: prepared('select * from onced_store.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)'),
  extend: prepared('select * from onced_store.extend($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)'),
  settle: prepared(
    'select * from onced_store.settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)',
  ),
  read: prepared('select * from onced_store.read($1, $2, $3, $4)'),
  remove: prepared('select * from onced_store.remove($1, $2, $3, $4, $5, $6)'),
  tell: prepared('select onced_store.tell($1)'),
  list: { text: read('sql/list.sql') },
  compact: { text: 'select * from onced_store.compact($1, $2, $3)' },
  stats: { text: read('sql/stats.sql') },
  ping: { text: 'select onced_store.ping($1)' },
  registryGet: {
    text: 'select name, revision, value from onced_store.registry where collection = $1 and name = $2',
  },
  registryPut: { text: 'select onced_store.registry_put($1, $2, $3, $4, $5)' },
  registryRemove: { text: 'select onced_store.registry_remove($1, $2, $3, $4)' },
  registryList: {
    text: `select name, revision, value from onced_store.registry
      where collection = $1 and ($2::text is null or name > $2::text) order by name limit $3`,
  },
} as const satisfies Readonly<Record<string, Statement>>;
