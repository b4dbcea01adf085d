// Keys in localStorage, for browsers that allow a page no IndexedDB. A Web Lock makes a read and a write one step between
// tabs; where there are no locks (a page without HTTPS), two tabs that open the same intent within the same millisecond may
// make two keys.

import type { KeptKey, KeyStore } from './key-store.ts';
import { withLock } from './with-lock.ts';

const PREFIX = 'onced:intent:';

/** @throws when the page may keep nothing. */
export function openLocalStorage(): KeyStore {
  const { localStorage } = globalThis;
  localStorage.setItem(`${PREFIX}?`, '');
  localStorage.removeItem(`${PREFIX}?`);
  return {
    async update(name, change) {
      return withLock(`${PREFIX}${name}`, undefined, () => {
        const text = localStorage.getItem(PREFIX + name);
        const changed = change(text === null ? undefined : (JSON.parse(text) as KeptKey));
        if (changed === undefined) localStorage.removeItem(PREFIX + name);
        else localStorage.setItem(PREFIX + name, JSON.stringify(changed));
        return changed;
      });
    },
  };
}
