// Encryption at rest, put together: wrapping keys from the configuration, data keys in each store, a wrapper around it.

import type { Logger } from 'pino';
import type { Namespace, Store } from '../../storage/contract/index.ts';
import { sealLine } from './archive-line.ts';
import { assertOpenable, createDataKeys, type DataKeys } from './data-keys.ts';
import { sealedStore } from './sealed-store.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

export interface Sealing {
  readonly store: Store;
  readonly keys: DataKeys;
  /** A line of the archive, for whoever has the wrapping key. */
  readonly line: (namespace: Namespace, text: string) => Promise<string>;
}

/** Undefined without keys. Rejects when the store holds what these keys cannot open: serving it would show sealed bytes as results. */
export async function openSealing(
  inner: Store,
  wrapping: WrappingKeys | undefined,
  log: Logger,
): Promise<Sealing | undefined> {
  await assertOpenable(inner.registry, wrapping);
  if (wrapping === undefined) return undefined;
  const keys = createDataKeys({ registry: inner.registry, wrapping, log });
  return {
    store: sealedStore({ inner, keys, log }),
    keys,
    line: async (namespace, text) => sealLine(keys, namespace, text),
  };
}

/**
 * For a store of this server alone, such as the journal: its data keys follow the newest wrapping key by themselves, so that
 * an old one can be taken away without looking here.
 */
export async function sealedAlone(inner: Store, wrapping: WrappingKeys | undefined, log: Logger): Promise<Store> {
  const sealing = await openSealing(inner, wrapping, log);
  if (wrapping === undefined || sealing === undefined) return inner;
  const { keys, store } = sealing;
  await keys.rewrap();
  wrapping.onChange(() => {
    keys.rewrap().catch((error: unknown) => log.error({ err: error }, 'the journal’s data keys were not wrapped anew'));
  });
  return store;
}
