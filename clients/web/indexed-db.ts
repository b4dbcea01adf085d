// Keys in IndexedDB: a read and a write of one transaction are one step between tabs, and a page without HTTPS has it too.

import type { KeptKey, KeyStore } from './key-store.ts';

const DATABASE = 'onced';
const STORE = 'intents';

export async function openIndexedDb(): Promise<KeyStore> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore(STORE, { keyPath: 'name' }));
  const database = await answered(opening);
  // Another tab has a newer release of this store.
  database.addEventListener('versionchange', () => database.close());
  return {
    async update(name, change) {
      const transaction = database.transaction(STORE, 'readwrite', { durability: 'strict' });
      const store = transaction.objectStore(STORE);
      const kept = (await answered(store.get(name))) as KeptKey | undefined;
      const changed = change(kept);
      if (changed === undefined) store.delete(name);
      else if (changed !== kept) store.put(changed);
      await committed(transaction);
      return changed;
    },
  };
}

async function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error ?? new Error('IndexedDB gave no reason')));
  });
}

async function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.addEventListener('complete', () => resolve());
    transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('the transaction was aborted')));
  });
}
