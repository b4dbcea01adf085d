// A real store that a test takes out of reach: refusing at once, never answering, or only late.

import { StoreError, type Registry, type Store } from '../../storage/contract/index.ts';

/**
 * `down`: refuses. `hanging`: never answers. `stalled`: answers once it is in another state. `reviving`: answers pings, refuses
 * all else.
 */
type State = 'up' | 'down' | 'hanging' | 'stalled' | 'reviving';

export interface FaultyStore {
  readonly store: Store;
  set(state: State): void;
  /** Writes that reached the real store. */
  writes(): number;
}

export function faultyStore(inner: Store): FaultyStore {
  let state: State = 'up';
  let changed = Promise.withResolvers<void>();
  let writes = 0;
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    if (state === 'hanging') return new Promise<T>(() => undefined);
    if (state === 'stalled') await changed.promise;
    if (state === 'down' || state === 'reviving') throw new StoreError('unavailable', 'taken out of reach by the test');
    return call();
  };
  const writing = async <T>(call: () => Promise<T>): Promise<T> =>
    through(async () => {
      writes += 1;
      return call();
    });
  const registry: Registry = {
    get: async (id) => through(async () => inner.registry.get(id)),
    put: async (put) => through(async () => inner.registry.put(put)),
    remove: async (id) => through(async () => inner.registry.remove(id)),
    list: async (query) => through(async () => inner.registry.list(query)),
  };
  return {
    store: {
      ...inner,
      registry,
      claim: async (...args) => writing(async () => inner.claim(...args)),
      extend: async (...args) => writing(async () => inner.extend(...args)),
      settle: async (...args) => writing(async () => inner.settle(...args)),
      remove: async (...args) => writing(async () => inner.remove(...args)),
      read: async (...args) => through(async () => inner.read(...args)),
      list: async (...args) => through(async () => inner.list(...args)),
      compact: async (...args) => through(async () => inner.compact(...args)),
      stats: async (...args) => through(async () => inner.stats(...args)),
      ping: async (...args) => (state === 'reviving' ? inner.ping(...args) : through(async () => inner.ping(...args))),
    },
    set(next) {
      state = next;
      changed.resolve();
      changed = Promise.withResolvers();
    },
    writes: () => writes,
  };
}
