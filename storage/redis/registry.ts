// The registry: per collection a sorted set of names and a hash of values, all in one slot.

import type { Registry, RegistryEntry } from '../contract/index.ts';
import type { Context } from './context.ts';
import { storeErrorOf } from './errors.ts';
import { scripts, type Argument, type Script } from './scripts.ts';

export function createRedisRegistry({ keys, router }: Pick<Context, 'keys' | 'router'>): Registry {
  const slot = keys.registrySlot;

  const write = async (script: Script, collection: string, args: readonly Argument[]): Promise<number> => {
    try {
      return Number(await router.run(slot, { script, keys: keys.registrySets(collection), args }));
    } catch (error) {
      throw storeErrorOf(error, { writes: true });
    }
  };
  const look = async <T>(name: string, args: readonly Argument[]): Promise<T> => {
    try {
      return (await router.send(slot, name, args)) as T;
    } catch (error) {
      throw storeErrorOf(error, { writes: false });
    }
  };

  return {
    async get({ collection, name }) {
      const stored = await look<Buffer | null>('hget', [keys.registrySets(collection)[1], name]);
      return stored === null ? undefined : entryOf(collection, name, stored);
    },

    async put({ collection, name, value, expectedRevision }) {
      const revision = await write(scripts.registryPut, collection, [name, value, expectedRevision ?? '']);
      return revision === 0 ? undefined : { collection, name, revision, value };
    },

    async remove({ collection, name, expectedRevision }) {
      return (await write(scripts.registryRemove, collection, [name, expectedRevision ?? ''])) === 1;
    },

    async list({ collection, after, limit }) {
      const [names, values] = keys.registrySets(collection);
      const from = after === undefined ? '-' : `(${after}`;
      const found = await look<readonly Buffer[]>('zrangebylex', [names, from, '+', 'limit', 0, limit]);
      if (found.length === 0) return [];
      const stored = await look<readonly (Buffer | null)[]>('hmget', [values, ...found]);
      return stored.flatMap((value, index) =>
        value === null ? [] : [entryOf(collection, String(found[index]), value)],
      );
    },
  };
}

/** A value is its revision, a space, and the document. */
function entryOf(collection: string, name: string, stored: Buffer): RegistryEntry {
  const text = stored.toString();
  const space = text.indexOf(' ');
  return { collection, name, revision: Number(text.slice(0, space)), value: text.slice(space + 1) };
}
