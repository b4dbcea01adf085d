// A store whose clock a test moves, so that leases and retention run out without sleeping. A wrapper that gives every
// verb a nowMs; what the verbs do with it is the real store's business.

import { epochMs, type Store, type VerbOptions } from '../../storage/contract/index.ts';

export interface ShiftedStore {
  readonly store: Store;
  /** Moves the clock on. */
  advance(ms: number): void;
}

export function shiftedStore(store: Store): ShiftedStore {
  let shiftMs = 0;
  const at = (options: VerbOptions | undefined): VerbOptions => ({ ...options, nowMs: epochMs(Date.now() + shiftMs) });
  return {
    store: {
      ...store,
      claim: async (request, options) => store.claim(request, at(options)),
      extend: async (request, options) => store.extend(request, at(options)),
      settle: async (request, options) => store.settle(request, at(options)),
      read: async (request, options) => store.read(request, at(options)),
      list: async (request, options) => store.list(request, at(options)),
      remove: async (request, options) => store.remove(request, at(options)),
      compact: async (request, options) => store.compact(request, at(options)),
      stats: async (options) => store.stats(at(options)),
    },
    advance(ms) {
      shiftMs += ms;
    },
  };
}
