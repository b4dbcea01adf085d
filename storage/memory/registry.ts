// The registry on a Map; see the contract for its promises.

import type { Registry, RegistryEntry } from '../contract/index.ts';

export function createMemoryRegistry(): Registry {
  const entries = new Map<string, RegistryEntry>();
  const nameOf = (id: { readonly collection: string; readonly name: string }): string => `${id.collection}\0${id.name}`;

  return {
    async get(id) {
      return entries.get(nameOf(id));
    },

    async put({ collection, name, value, expectedRevision }) {
      const standing = entries.get(nameOf({ collection, name }));
      const revision = standing?.revision ?? 0;
      if (expectedRevision !== undefined && expectedRevision !== revision) return undefined;
      const entry = { collection, name, value, revision: revision + 1 };
      entries.set(nameOf(entry), entry);
      return entry;
    },

    async remove({ collection, name, expectedRevision }) {
      const standing = entries.get(nameOf({ collection, name }));
      if (standing === undefined) return false;
      if (expectedRevision !== undefined && expectedRevision !== standing.revision) return false;
      return entries.delete(nameOf({ collection, name }));
    },

    async list({ collection, after, limit }) {
      return [...entries.values()]
        .filter(
          (entry) => entry.collection === collection && (after === undefined || compareBytes(entry.name, after) > 0),
        )
        .toSorted((a, b) => compareBytes(a.name, b.name))
        .slice(0, limit);
    },
  };
}

// Not `<`: UTF-16 order puts astral characters before U+E000 to U+FFFF, byte order after them.
const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
