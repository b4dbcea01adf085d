// What happens to a cluster while it is used: scripts forgotten, slots moved, a primary killed. Callers repeat what was not
// answered; what they were told stands, and nobody is granted what another one holds.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../../storage/contract/index.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { createKeys, type Shard } from '../../../storage/redis/keys.ts';
import { eventually, startRedisCluster, type ClusterNode, type RedisCluster } from '../../support/redis-cluster.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import type { BeginCall } from '../../model/caller.ts';
import { faultsOf, startLoad } from '../load.ts';
import { handOver, moveKeys, moveSlot } from './move-slots.ts';
import { beginOf, beginOn, settleOf, settleOn } from '../scene.ts';

/** The long run sets ONCED_FAILOVERS=25. */
const FAILOVERS = Number(process.env['ONCED_FAILOVERS'] ?? 1);
const SLOTS_MOVED = Number(process.env['ONCED_SLOTS_MOVED'] ?? 24);
const NODE_TIMEOUT_MS = 2_000;

const keys = createKeys('onced', 256);
const first = keys.shards[0] as Shard;

describeWithRedis('a Redis Cluster that changes under load', () => {
  let cluster: RedisCluster;
  let stores: readonly [Store, Store];
  const open = (): Promise<Store> => openRedisStore({ url: `${cluster.url}?tier=replica` });
  beforeAll(async () => {
    cluster = await startRedisCluster({ nodeTimeoutMs: NODE_TIMEOUT_MS });
  });
  beforeEach(async () => {
    stores = [await open(), await open()];
  });
  afterEach(() => Promise.all(stores.map((store) => store.close())));
  afterAll(() => cluster.dispose());

  // Tier replica sends its scripts by other connections than the rest.
  test.each(['replica', 'cache'])(
    'scripts forgotten by every node again and again: callers notice nothing (%s)',
    async (tier) => {
      const url = `${cluster.url}?tier=${tier}`;
      const tiered = [await openRedisStore({ url }), await openRedisStore({ url })] as const;
      const load = startLoad(tiered);
      for (let round = 0; round < 20; round += 1) {
        await sleep(50);
        await Promise.all(cluster.nodes.map((node) => node.command('script', 'flush')));
      }
      await load.stop();
      expect(load.ledger.completed.size).toBeGreaterThan(50);
      expect([...load.ledger.trouble]).toEqual([]);
      expect(await faultsOf(tiered[0], load.ledger)).toEqual([]);
      await Promise.all(tiered.map((store) => store.close()));
    },
  );

  test('slots moved to another primary: callers are told to try again, and no more', { timeout: 120_000 }, async () => {
    const load = startLoad(stores);
    let moved = 0;
    for (const { slot } of keys.shards.slice(0, SLOTS_MOVED)) {
      const from = await ownerOf(cluster, slot);
      const to = cluster.primaries.find((node) => node !== from);
      if (to !== undefined) moved += await moveSlot({ slot, from, to, primaries: cluster.primaries });
    }
    await load.stop();
    expect(moved).toBeGreaterThan(0);
    expect([...load.ledger.trouble.keys()].filter((kind) => kind !== 'unavailable')).toEqual([]);
    expect(await faultsOf(stores[0], load.ledger)).toEqual([]);
  });

  test('a slot half-way: what is held there settles, by way of its old owner and of an old map', async () => {
    const calls = [beginIn(first), beginIn(first), beginIn(first)] as const;
    for (const call of calls) await beginOn(stores[0], call);
    const from = await ownerOf(cluster, first.slot);
    const to = cluster.primaries.find((node) => node !== from) as ClusterNode;
    const move = { slot: first.slot, from, to, primaries: cluster.primaries };
    await moveKeys(move);
    const complete = ({ key, leaseToken }: BeginCall) => settleOn(stores[0], settleOf(key, leaseToken, 'paid'));
    expect(await complete(calls[0])).toMatchObject({ kind: 'done' });
    await handOver(move);
    expect(await complete(calls[1])).toMatchObject({ kind: 'done' });
  });

  const killed = 'a primary killed: another one serves its slots soon, and all that was acknowledged is there';
  test(killed, { timeout: 60_000 * FAILOVERS }, async () => {
    const quick = await openRedisStore({ url: `${cluster.url}?tier=cache` });
    for (let round = 0; round < FAILOVERS; round += 1) {
      const load = startLoad(stores);
      await sleep(500);
      const victim = await ownerOf(cluster, first.slot);
      await victim.kill();
      const killedMs = performance.now();
      await eventually('every slot to be served again', () => everyShardAnswers(quick));
      expect(performance.now() - killedMs).toBeLessThan(NODE_TIMEOUT_MS + 3_000);
      // Its only replica is the primary now. Tier replica takes no write there until there are two again.
      await expect(beginOn(stores[0], beginIn(first))).rejects.toMatchObject({ name: 'StoreError' });
      await victim.start();
      await eventually('replicas to confirm again', () => everyShardAnswers(stores[0]));
      await load.stop();
      await cluster.settled();
      expect(await faultsOf(stores[0], load.ledger)).toEqual([]);
    }
    await quick.close();
  });
});

async function ownerOf(cluster: RedisCluster, slot: number): Promise<ClusterNode> {
  const [asked] = cluster.nodes.filter(({ pid }) => pid > 0);
  const ranges = (await asked?.command('cluster', 'slots')) as readonly [number, number, [string, number]][];
  const port = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][1];
  const owner = cluster.nodes.find((node) => node.port === port);
  if (owner === undefined) throw new Error(`nobody serves slot ${slot}`);
  return owner;
}

/** Keys enough to touch each primary. */
async function everyShardAnswers(store: Store): Promise<boolean> {
  await Promise.all(Array.from({ length: 60 }, () => beginOn(store, beginOf(randomUUID()))));
  return true;
}

/** A begin of a new key in a shard. */
function beginIn(shard: Shard): BeginCall {
  for (;;) {
    const call = beginOf(randomUUID());
    if (keys.nameOf(call).shard === shard) return call;
  }
}
