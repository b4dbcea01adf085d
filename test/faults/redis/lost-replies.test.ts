// A reply is swallowed after the script ran, and the connection reset: the caller is told that nobody knows, and a repeat
// finds its own lease. With ioredis' defaults the script would run again by itself.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../../storage/contract/index.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { startRedisCluster } from '../../support/redis-cluster.ts';
import { startRedis } from '../../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { beginOf, beginOn, settleOf, settleOn } from '../scene.ts';

/** The long run sets ONCED_LOST_REPLIES=10000. */
const ROUNDS = Number(process.env['ONCED_LOST_REPLIES'] ?? 1000);
const SETTLE_ROUNDS = ROUNDS / 5;
/** Stores that lose replies side by side, each on connections of its own: most of a round is waiting for a new one. */
const LANES = 10;

interface Place {
  readonly url: string;
  readonly proxies: readonly TcpProxy[];
  dispose(): Promise<void>;
}

async function singlePlace(): Promise<Place> {
  const server = await startRedis();
  const proxy = await startTcpProxy(server);
  return {
    url: `redis://127.0.0.1:${proxy.port}`,
    proxies: [proxy],
    async dispose() {
      await proxy.close();
      await server.dispose();
    },
  };
}

async function clusterPlace(): Promise<Place> {
  const proxies: TcpProxy[] = [];
  const cluster = await startRedisCluster({
    async portAnnounced(node) {
      const proxy = await startTcpProxy(node);
      proxies.push(proxy);
      return proxy.port;
    },
  });
  return {
    url: cluster.url,
    proxies,
    async dispose() {
      await cluster.dispose();
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}

/** Loses the reply to the next script with this in it, at whichever node it runs, and resolves once that happened. */
async function loseReply({ proxies }: Place, argument: string, act: () => Promise<unknown>): Promise<unknown> {
  let armed = true;
  const isScript = (request: Buffer): boolean => {
    if (!armed || !request.includes('evalsha') || !request.includes(argument)) return false;
    armed = false;
    return true;
  };
  const swallowed = Promise.any(proxies.map((proxy) => proxy.swallowNextReply(isScript)));
  const [outcome] = await Promise.all([act().catch((error: unknown) => error), swallowed]);
  return outcome;
}

/** On every node, so that the reply that gets lost is none that only says that the script is not known. */
async function runEachScript(store: Store): Promise<void> {
  for (let key = 0; key < 40; key += 1) {
    const call = beginOf(`warm-up-${key}`);
    await beginOn(store, call);
    await store.read({ ...call, includeResult: true });
    await settleOn(store, settleOf(call.key, call.leaseToken, 'paid'));
  }
}

describeWithRedis('a reply lost after the write', () => {
  describe.each([
    ['one Redis', singlePlace, 'cache'],
    ['Redis Cluster', clusterPlace, 'cache'],
    ['Redis Cluster with replicas that confirm', clusterPlace, 'replica'],
  ] as const)('on %s', (_name, makePlace, tier) => {
    let place: Place;
    let stores: readonly Store[];
    beforeAll(async () => {
      place = await makePlace();
      const url = `${place.url}?tier=${tier}`;
      stores = await Promise.all(Array.from({ length: LANES }, () => openRedisStore({ url })));
      if (stores[0] !== undefined) await runEachScript(stores[0]);
    });
    afterAll(async () => {
      await Promise.all(stores.map((store) => store.close()));
      await place.dispose();
    });

    /** So many rounds, dealt out to the stores. */
    const play = async (rounds: number, playRound: (store: Store, round: number) => Promise<void>): Promise<void> => {
      let next = 0;
      const lanes = stores.map(async (store) => {
        while (next < rounds) await playRound(store, next++);
      });
      await Promise.all(lanes);
      expect(next).toBe(rounds);
    };

    test(
      `of a begin, ${ROUNDS} times: a repeat gets the same token, and is never in progress by itself`,
      { timeout: 300_000 },
      async () => {
        await play(ROUNDS, async (store, round) => {
          const call = beginOf(`begin-${round}`);
          const lost = await loseReply(place, call.leaseToken, () => beginOn(store, call));
          expect(lost).toMatchObject({ name: 'StoreError', kind: 'unknown' });
          const again = await beginOn(store, { ...call, leaseToken: beginOf('').leaseToken });
          expect(again).toMatchObject({ kind: 'acquired', record: { attempt: 1, leaseToken: call.leaseToken } });
          // The claim, then the repeat that moved the lease: a third write would be a script that ran twice.
          if (again.kind === 'acquired') expect(again.record.revision).toBe(again.record.createMs + 1);
        });
      },
    );

    test(
      `of a settle, ${SETTLE_ROUNDS} times: a repeat is told that it was applied`,
      { timeout: 120_000 },
      async () => {
        await play(SETTLE_ROUNDS, async (store, round) => {
          const call = beginOf(`settle-${round}`);
          await beginOn(store, call);
          const settle = settleOf(call.key, call.leaseToken, 'paid');
          const lost = await loseReply(place, call.leaseToken, () => settleOn(store, settle));
          expect(lost).toMatchObject({ name: 'StoreError', kind: 'unknown' });
          expect(await settleOn(store, settle)).toMatchObject({ kind: 'already-applied' });
        });
      },
    );

    test('of a read: nothing was written, so it is told as out of reach', { timeout: 60_000 }, async () => {
      const [store] = stores;
      if (store === undefined) throw new Error('no store');
      const call = beginOf('read');
      await beginOn(store, call);
      const lost = await loseReply(place, '', () => store.read({ ...call, includeResult: true }));
      expect(lost).toMatchObject({ name: 'StoreError', kind: 'unavailable' });
    });
  });
});
