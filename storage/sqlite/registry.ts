// The registry's verbs, inside the batch's transaction.

import type { RegistryEntry, RegistryPut } from '../contract/index.ts';
import type { Statements } from './statements.ts';

type EntryName = Pick<RegistryEntry, 'collection' | 'name'>;

export const runRegistryGet = (statements: Statements, { collection, name }: EntryName): RegistryEntry | undefined =>
  statements.registryGet.get(collection, name) as RegistryEntry | undefined;

export function runRegistryPut(statements: Statements, put: RegistryPut): RegistryEntry | undefined {
  const { collection, name, value, expectedRevision } = put;
  const standing = runRegistryGet(statements, put)?.revision ?? 0;
  if (expectedRevision !== undefined && expectedRevision !== standing) return undefined;
  const entry = { collection, name, revision: standing + 1, value };
  statements.registryPut.run(entry.collection, entry.name, entry.revision, entry.value);
  return entry;
}

export const runRegistryRemove = (statements: Statements, id: Omit<RegistryPut, 'value'>): boolean =>
  statements.registryRemove.run({ ...id, expectedRevision: id.expectedRevision ?? null }).changes === 1;

export const runRegistryList = (
  statements: Statements,
  query: { readonly collection: string; readonly after?: string; readonly limit: number },
): readonly RegistryEntry[] => statements.registryList.all({ ...query, after: query.after ?? null }) as RegistryEntry[];
