// A data key per namespace, wrapped, in the registry of the store whose values it seals: whoever has the store and a
// wrapping key has all that opening needs. Versions are never removed, so that what is old stays readable.

import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Namespace, Registry, RegistryEntry } from '../../storage/contract/index.ts';
import { Rejection } from '../errors.ts';
import { limits } from '../limits.ts';
import type { DataKey } from './seal.ts';
import type { WrappedKey, WrappingKeys } from './wrapping-keys.ts';

export interface StoredDataKey extends WrappedKey {
  readonly version: number;
  readonly createMs: number;
}

export interface NamespaceKeys {
  readonly namespace: string;
  /** Oldest first; the last one seals. */
  readonly versions: readonly StoredDataKey[];
}

export interface DataKeys {
  /** The key to seal with; made when there is none. At once when it is known: calls ask for it each time. */
  current(namespace: Namespace): DataKey | Promise<DataKey>;
  /** The key to open with. Rejects with STORE_UNAVAILABLE when there is none, or none that can be unwrapped. */
  ofVersion(namespace: Namespace, version: number): DataKey | Promise<DataKey>;
  /** The newest, as it is stored. */
  stored(namespace: Namespace): Promise<StoredDataKey>;
  /** A new data key for what is sealed from now on; the older ones are wrapped anew by the newest wrapping key. */
  rotate(namespace: string): Promise<NamespaceKeys>;
  /** Wraps all data keys by the newest wrapping key. */
  rewrap(): Promise<void>;
  /** In order of namespace, those after `after`. */
  list(after: string, limit: number): Promise<readonly NamespaceKeys[]>;
}

const COLLECTION = 'data-key';
const KEY_BYTES = 32;
const PAGE = 1000;
/** Namespaces whose keys are remembered; beyond it the memory starts over. */
const REMEMBERED_MAX = 10_000;
const CHANGE_TRIES_MAX = 10;

interface Known {
  readonly byVersion: ReadonlyMap<number, DataKey>;
  readonly current: DataKey;
  /** The current one, as it is stored. */
  readonly newest: StoredDataKey;
  checkedMs: number;
}

export interface DataKeysOptions {
  readonly registry: Registry;
  readonly wrapping: WrappingKeys;
  readonly log: Logger;
}

export function createDataKeys({ registry, wrapping, log }: DataKeysOptions): DataKeys {
  const known = new Map<string, Known>();
  const loading = new Map<string, Promise<Known>>();

  const remember = (keys: NamespaceKeys): Known => {
    const opened = keys.versions.map((stored) => unwrapped(wrapping, keys.namespace, stored));
    const current = opened.at(-1);
    const newest = keys.versions.at(-1);
    if (current === undefined || newest === undefined) throw new Error(`no data key in the entry of ${keys.namespace}`);
    const found = {
      byVersion: new Map(opened.map((key) => [key.version, key])),
      current,
      newest,
      checkedMs: performance.now(),
    };
    if (known.size >= REMEMBERED_MAX) known.clear();
    known.set(keys.namespace, found);
    return found;
  };

  const get = async (namespace: string) => registry.get({ collection: COLLECTION, name: namespace });

  /** Once for all who ask meanwhile. */
  const load = async (namespace: string): Promise<Known> => {
    const running = loading.get(namespace) ?? loadNow(namespace).finally(() => loading.delete(namespace));
    loading.set(namespace, running);
    return running;
  };

  const loadNow = async (namespace: string): Promise<Known> => {
    const entry = await get(namespace);
    if (entry !== undefined) return remember(readEntry(entry));
    return remember(
      await change(namespace, (versions) => (versions.length === 0 ? added(namespace, versions) : versions)),
    );
  };

  const added = (namespace: string, versions: readonly StoredDataKey[]): readonly StoredDataKey[] => {
    const version = (versions.at(-1)?.version ?? 0) + 1;
    const wrapped = wrapping.wrap(randomBytes(KEY_BYTES), belongsTo(namespace, version));
    return [...versions, { version, createMs: Date.now(), ...wrapped }];
  };

  const wrappedAnew = (namespace: string, versions: readonly StoredDataKey[]): readonly StoredDataKey[] =>
    versions.map((stored) => {
      if (stored.by === wrapping.newest()) return stored;
      const { bytes, version } = unwrapped(wrapping, namespace, stored);
      return { ...stored, ...wrapping.wrap(bytes, belongsTo(namespace, version)) };
    });

  /** Servers that change the same entry at once each win in turn. */
  const change = async (
    namespace: string,
    next: (versions: readonly StoredDataKey[]) => readonly StoredDataKey[],
  ): Promise<NamespaceKeys> => {
    for (let tries = 0; tries < CHANGE_TRIES_MAX; tries += 1) {
      const entry = await get(namespace);
      const before = entry === undefined ? [] : readEntry(entry).versions;
      const versions = next(before);
      const put = {
        collection: COLLECTION,
        name: namespace,
        value: JSON.stringify(versions),
        expectedRevision: entry?.revision ?? 0,
      };
      if (versions === before || (await registry.put(put)) !== undefined) return { namespace, versions };
    }
    throw new Rejection('OVERLOADED', 'the data key is being changed by others; try again', { retryAfterMs: 1000 });
  };

  const refresh = (namespace: string, found: Known): void => {
    found.checkedMs = performance.now();
    load(namespace).catch((error: unknown) =>
      log.warn({ err: error, namespace }, 'a data key was not looked up again'),
    );
  };

  return {
    current(namespace) {
      const found = known.get(namespace);
      if (found === undefined) return load(namespace).then(({ current }) => current);
      // Another server may have made a newer one.
      if (performance.now() - found.checkedMs > limits.dataKeyCheckMs) refresh(namespace, found);
      return found.current;
    },
    ofVersion(namespace, version) {
      return (
        known.get(namespace)?.byVersion.get(version) ??
        load(namespace).then(({ byVersion }) => byVersion.get(version) ?? noSuchKey(version))
      );
    },
    // Looked up each time: it may have been wrapped anew.
    stored: async (namespace) => (await load(namespace)).newest,
    async rotate(namespace) {
      const keys = await change(namespace, (versions) => added(namespace, wrappedAnew(namespace, versions)));
      remember(keys);
      return keys;
    },
    async rewrap() {
      for await (const { namespace, versions } of all(registry)) {
        if (versions.every(({ by }) => by === wrapping.newest())) continue;
        await change(namespace, (now) => wrappedAnew(namespace, now));
      }
    },
    list: async (after, limit) => pageOf(registry, after, limit),
  };
}

const pageOf = async (registry: Registry, after: string, limit: number): Promise<readonly NamespaceKeys[]> =>
  (await registry.list({ collection: COLLECTION, limit, ...(after === '' ? {} : { after }) })).map(readEntry);

async function* all(registry: Registry): AsyncGenerator<NamespaceKeys, void> {
  for (let page = await pageOf(registry, '', PAGE); page.length > 0;) {
    yield* page;
    page = await pageOf(registry, page.at(-1)?.namespace ?? '', PAGE);
  }
}

/** Throws when the store holds data keys that these wrapping keys (undefined: none) cannot unwrap. */
export async function assertOpenable(registry: Registry, wrapping: WrappingKeys | undefined): Promise<void> {
  const missing = new Set<string>();
  for await (const { namespace, versions } of all(registry)) {
    for (const stored of versions) {
      if (wrapping?.unwrap(stored, belongsTo(namespace, stored.version)) === undefined) missing.add(stored.by);
    }
  }
  if (missing.size === 0) return;
  throw new Error(
    `the store holds sealed values, and ${wrapping === undefined ? 'no sealing keys are given' : 'a sealing key is missing or wrong'}: ` +
      `give the key ${[...missing].join(', ')} with --sealing-keys. Nothing was changed`,
  );
}

function unwrapped(wrapping: WrappingKeys, namespace: string, stored: StoredDataKey): DataKey {
  const bytes = wrapping.unwrap(stored, belongsTo(namespace, stored.version));
  if (bytes !== undefined) return { version: stored.version, bytes };
  throw new Rejection(
    'STORE_UNAVAILABLE',
    `this namespace is sealed by the key ${stored.by}, which this server does not have; give it with --sealing-keys`,
    { metadata: { outcome: 'unknown', cause: 'sealed' }, retryAfterMs: limits.retryAfterMsHintMax },
  );
}

function noSuchKey(version: number): never {
  throw new Rejection('STORE_UNAVAILABLE', `data key ${version} of this namespace is not in the store any more`, {
    metadata: { outcome: 'unknown', cause: 'sealed' },
    retryAfterMs: limits.retryAfterMsHintMax,
  });
}

const readEntry = ({ name, value }: RegistryEntry): NamespaceKeys => ({
  namespace: name,
  versions: JSON.parse(value) as StoredDataKey[],
});

export const belongsTo = (namespace: string, version: number): string => `data-key\0${namespace}\0${version}`;
