// The SQLite store: one file, one server, on disk before the answer.
export { openSqliteStore, type SqliteStoreOptions } from './store.ts';
export { inspectSqlite } from './inspect.ts';
