// The Redis store: a single Redis, one behind Sentinels, or a Redis Cluster.

import type { Redis } from 'ioredis';
import { refusalOf, StoreRefusedError, type Store, type StoreCheck } from '../contract/index.ts';
import { createChanges, type Changes } from './changes.ts';
import { checkFacts, type Wanted } from './checks.ts';
import { openCluster } from './cluster.ts';
import { createRedis } from './connect.ts';
import { storeErrorOf } from './errors.ts';
import { gatherFacts } from './facts.ts';
import { createKeys } from './keys.ts';
import { makeLayout, readLayout, shardsOfNew } from './layout.ts';
import { parseAddress, parseLocation, type RedisLocation } from './location.ts';
import type { Router } from './router.ts';
import { openSingle } from './single.ts';
import { createRedisStore } from './store.ts';
import { acknowledgedBy, replicasToConfirm, strictestTier } from './tiers.ts';
import { createWatch } from './watch.ts';

export { TIERS, type Tier } from './tiers.ts';

export interface RedisOptions {
  /** redis://, redis-sentinel:// or redis-cluster://; location.ts has the forms. */
  readonly url: string;
}

/**
 * Opens the store. Rejects with StoreRefusedError when a check fails (the message says what was found, what is needed and
 * how to set it), with StoreError when Redis cannot be reached.
 */
export async function openRedisStore(options: RedisOptions): Promise<Store> {
  const location = parseLocation(options.url);
  const { checks, wanted } = await examine(location);
  const refusal = refusalOf(checks);
  if (refusal !== undefined) throw new StoreRefusedError(`${location.text} cannot be used as it stands:\n${refusal}`);

  const router = await openRouter(location, wanted.replicas);
  const shards = await shardsOf(location, router);
  const keys = createKeys(location.prefix, shards);
  const changes = openChanges(location, router, keys.channel);
  const watch = createWatch({ router, keys, wanted: { ...wanted, shards } });
  await changes.ready;
  return createRedisStore({
    context: { keys, router },
    changes,
    description: {
      kind: location.kind === 'cluster' ? 'redis-cluster' : 'redis',
      acknowledged: acknowledgedBy(wanted.tier, wanted.replicas),
      tier: wanted.tier,
      location: location.text,
    },
    ping: () => watch.ping(),
    isConnected: () => [...router.primaries().values()].some(({ link }) => link.isReady),
    async close() {
      watch.close();
      await router.close();
      changes.close();
    },
  });
}

/** The checks that opening makes, as rows. Rejects with StoreError when Redis cannot be reached. */
export async function inspectRedis(options: RedisOptions): Promise<readonly StoreCheck[]> {
  return (await examine(parseLocation(options.url))).checks;
}

/** Closes the router when it rejects. */
async function shardsOf(location: RedisLocation, router: Router): Promise<number> {
  const place = { router, prefix: location.prefix };
  try {
    const found = await readLayout(place);
    const layout = found.kind === 'none' ? await makeLayout(place, shardsOfNew(location.kind)) : found;
    if (layout.kind === 'shards') return layout.shards;
    throw new StoreRefusedError(`${location.text} changed while it was opened`);
  } catch (error) {
    await router.close();
    throw error instanceof StoreRefusedError ? error : storeErrorOf(error, { writes: false });
  }
}

async function examine(
  location: RedisLocation,
): Promise<{ readonly checks: readonly StoreCheck[]; readonly wanted: Wanted }> {
  const router = await openRouter(location, 0);
  try {
    const facts = await gatherFacts(router, createKeys(location.prefix, shardsOfNew(location.kind)));
    const tier = location.tier ?? strictestTier(facts);
    const isTierNamed = location.tier !== undefined;
    const wanted = {
      kind: location.kind,
      tier,
      isTierNamed,
      replicas: replicasToConfirm(facts, tier, location.replicas),
    };
    return { checks: checkFacts(facts, wanted), wanted };
  } finally {
    await router.close();
  }
}

async function openRouter(location: RedisLocation, replicas: number): Promise<Router> {
  try {
    return await (location.kind === 'cluster' ? openCluster : openSingle)(location, replicas);
  } catch (error) {
    throw error instanceof StoreRefusedError ? error : storeErrorOf(error, { writes: false });
  }
}

function openChanges(location: RedisLocation, router: Router, channel: string): Changes {
  // A node of a cluster passes a message on to all others, so any will do for either side.
  const anyNode = (): Redis => {
    const nodes = [...router.primaries().keys()];
    const node = nodes[Math.floor(Math.random() * nodes.length)];
    const isFixed = location.kind !== 'cluster' || node === undefined;
    return createRedis(location, isFixed ? undefined : parseAddress(node, 0), { retryStrategy: () => null });
  };
  return createChanges({
    channel,
    connect: anyNode,
    async publish(message) {
      const ready = [...router.primaries().values()].find(({ link }) => link.isReady);
      const listeners = await ready?.link.send('publish', [channel, message]).catch(() => undefined);
      // A node of a cluster counts its own listeners only.
      return location.kind === 'cluster' || listeners === undefined ? undefined : Number(listeners);
    },
  });
}
