// Where keys are kept over a reload, for all tabs of an origin.

import { KeyNotKeptError } from './errors.ts';
import { openIndexedDb } from './indexed-db.ts';
import { openLocalStorage } from './local-storage.ts';

export interface KeptKey {
  readonly name: string;
  readonly key: string;
  readonly createMs: number;
  /** When it was first sent; undefined until then. */
  readonly sentMs?: number;
}

export interface KeyStore {
  /**
   * One step, also for two tabs that ask at the same time: reads what is kept under the name, keeps what `change` makes of it
   * (undefined: nothing any more), and resolves with that once it is on disk.
   */
  update(name: string, change: (kept: KeptKey | undefined) => KeptKey | undefined): Promise<KeptKey | undefined>;
}

/** IndexedDB, whose transactions hold between tabs; where it is not allowed, localStorage. */
export async function openKeyStore(): Promise<KeyStore> {
  try {
    return await openIndexedDb();
  } catch (why) {
    try {
      return openLocalStorage();
    } catch {
      throw new KeyNotKeptError(why);
    }
  }
}
