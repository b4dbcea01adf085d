// How many shards a store has. Every name of a record hangs on it, so the store itself says it: an entry of its registry, made
// by the first server.

import { createKeys } from './keys.ts';
import { SHARDS_OF_CLUSTER, SHARDS_OF_SINGLE } from './limits.ts';
import type { RedisLocation } from './location.ts';
import { createRedisRegistry } from './registry.ts';
import type { Router } from './router.ts';

/** `none`: nobody has used it. `foreign`: its records are named in a way that this version does not know. */
export type Layout = { readonly kind: 'shards'; readonly shards: number } | { readonly kind: 'none' | 'foreign' };

export interface LayoutPlace {
  readonly router: Router;
  readonly prefix: string;
}

const ENTRY = { collection: 'layout', name: 'records' } as const;

export const shardsOfNew = (kind: RedisLocation['kind']): number =>
  kind === 'cluster' ? SHARDS_OF_CLUSTER : SHARDS_OF_SINGLE;

export async function readLayout(place: LayoutPlace): Promise<Layout> {
  const entry = await registryOf(place).get(ENTRY);
  if (entry !== undefined) return parseLayout(entry.value);
  return { kind: (await hasRecords(place)) ? 'foreign' : 'none' };
}

/** Writes the layout of a new store, unless another server was first; returns what stands. */
export async function makeLayout(place: LayoutPlace, shards: number): Promise<Layout> {
  await registryOf(place).put({ ...ENTRY, value: JSON.stringify({ shards }), expectedRevision: 0 });
  return readLayout(place);
}

const registryOf = ({ router, prefix }: LayoutPlace) => createRedisRegistry({ keys: createKeys(prefix, 1), router });

function parseLayout(value: string): Layout {
  const { shards } = JSON.parse(value) as { readonly shards?: unknown };
  const isKnown = shards === SHARDS_OF_CLUSTER || shards === SHARDS_OF_SINGLE;
  return isKnown ? { kind: 'shards', shards } : { kind: 'foreign' };
}

/** Versions before the entry had 256 shards everywhere, and other counts. */
async function hasRecords({ router, prefix }: LayoutPlace): Promise<boolean> {
  const { shards } = createKeys(prefix, SHARDS_OF_CLUSTER);
  const counts = await Promise.all(
    shards.map(({ slot, indexKey }) => router.send(slot, 'zcount', [indexKey, '-inf', '+inf'])),
  );
  return counts.some((count) => count !== 0);
}
