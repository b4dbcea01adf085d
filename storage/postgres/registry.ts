// The registry in a table of its own; see the contract for its promises.

import type { Registry, RegistryEntry } from '../contract/index.ts';
import type { Connections } from './connections.ts';
import { readError, writeError } from './errors.ts';
import type { Row } from './rows.ts';
import { statements, type Statement } from './sql.ts';

export function createRegistry(connections: Connections, commitLevel: string): Registry {
  const read = (statement: Statement, values: unknown[]): Promise<readonly Row[]> =>
    connections.call(statement, values).catch((error: unknown) => {
      throw readError(error);
    });
  const write = (statement: Statement, values: unknown[]): Promise<readonly Row[]> =>
    connections.call(statement, [commitLevel, ...values]).catch((error: unknown) => {
      throw writeError(error);
    });

  return {
    async get({ collection, name }) {
      const [row] = await read(statements.registryGet, [collection, name]);
      return row === undefined ? undefined : entryOf(collection, row);
    },

    async put({ collection, name, value, expectedRevision }) {
      const [row] = await write(statements.registryPut, [collection, name, value, expectedRevision]);
      const revision = row?.[0] ?? null;
      return revision === null ? undefined : { collection, name, value, revision: Number(revision) };
    },

    async remove({ collection, name, expectedRevision }) {
      const [row] = await write(statements.registryRemove, [collection, name, expectedRevision]);
      return row?.[0] === 't';
    },

    async list({ collection, after, limit }) {
      const rows = await read(statements.registryList, [collection, after, limit]);
      return rows.map((row) => entryOf(collection, row));
    },
  };
}

/** From a row of name, revision, value. */
const entryOf = (collection: string, [name, revision, value]: Row): RegistryEntry => ({
  collection,
  name: name ?? '',
  revision: Number(revision),
  value: value ?? '',
});
