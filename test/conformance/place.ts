// A store on a place of its own for as long as a vitest `describe` lasts.

import { afterAll, beforeAll } from 'vitest';
import type { Store } from '../../storage/contract/index.ts';
import type { StorePlace, StoreSubject } from './subject.ts';

/** Opens the store before the first test of this `describe`, closes it after the last. Call the result inside tests. */
export function storeForAll(subject: StoreSubject): () => Store {
  let place: StorePlace | undefined;
  let store: Store | undefined;
  beforeAll(async () => {
    place = await subject.makePlace();
    store = await place.open();
  });
  afterAll(async () => {
    await store?.close();
    await place?.dispose();
  });
  return () => {
    if (store === undefined) throw new Error(`the ${subject.name} store is not open`);
    return store;
  };
}
