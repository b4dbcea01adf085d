// The Postgres store: many servers, one database, flushed before the answer.
export { openPostgresStore, type PostgresStoreOptions } from './store.ts';
export { inspectPostgres } from './checks.ts';
