// Several servers on one place: they see one truth.

import { expect, vi } from 'vitest';
import type { RecordChange, Store } from '../../../storage/contract/index.ts';
import {
  byToken,
  bytes,
  completed,
  createScene,
  expectSame,
  keyOf,
  released,
  type Cases,
  type Scene,
} from '../scene.ts';
import type { StoreSubject } from '../subject.ts';

export const peerCases: Cases = {
  'of 100 claims through two servers one is applied': async ({ subject }) => {
    await betweenPeers(subject, async (scene, peer) => {
      const claims = Array.from({ length: 100 }, (_, racer) =>
        (racer % 2 === 0 ? scene.store : peer).claim(scene.claimRequest(), scene.at()),
      );
      const results = await Promise.all(claims);
      const winners = results.filter((result) => result.applied);
      expect(winners).toHaveLength(1);
      for (const result of results) expectSame(result.record, winners[0]?.record);
    });
  },

  'of 100 takeovers through two servers one is applied': async ({ subject }) => {
    await betweenPeers(subject, async (scene, peer) => {
      const holder = await scene.acquire();
      scene.setNow(holder.leaseExpireMs);
      const claims = Array.from({ length: 100 }, (_, racer) =>
        (racer % 2 === 0 ? scene.store : peer).claim(scene.claimRequest({ expected: holder.revision }), scene.at()),
      );
      expect((await Promise.all(claims)).filter((result) => result.applied)).toHaveLength(1);
    });
  },

  'what one server acknowledged another one sees at once': async ({ subject }) => {
    await betweenPeers(subject, async (scene, peer) => {
      for (let round = 0; round < 20; round += 1) {
        const key = keyOf(`round-${round}`);
        const holder = await scene.acquire({ key });
        const begun = await peer.claim(scene.claimRequest({ key }), scene.at());
        expectSame(begun.record, holder);
        await scene.finish(byToken(holder), completed(bytes(`result ${round}`)), { key });
        const replayed = await peer.claim(scene.claimRequest({ key }), scene.at());
        expectSame(replayed.record?.result, bytes(`result ${round}`));
      }
    });
  },

  'a registry entry is one for both, and of two changes one succeeds': async ({ subject }) => {
    await betweenPeers(subject, async ({ store }, peer) => {
      const entry = { collection: 'policies', name: 'payments', value: '{}' };
      await store.registry.put(entry);
      expect(await peer.registry.get(entry)).toEqual({ ...entry, revision: 1 });
      const puts = [store, peer].map((server) => server.registry.put({ ...entry, expectedRevision: 1 }));
      expect((await Promise.all(puts)).filter((put) => put !== undefined)).toHaveLength(1);
    });
  },
};

export const pushCases: Cases = {
  "an outcome through one server reaches another one's listener as settled, a release as not": async ({ subject }) => {
    await betweenPeers(subject, async (scene, peer) => {
      const heard: RecordChange[] = [];
      const stop = peer.onRemoteChange((change) => heard.push(change));
      for (const [settlement, settled] of [[completed(), true] as const, [released, false] as const]) {
        const key = keyOf(settlement.kind);
        await scene.finish(byToken(await scene.acquire({ key })), settlement, { key });
        const change = { namespace: scene.namespace, key, settled };
        await vi.waitFor(() => expect(heard).toContainEqual(change), { timeout: 5_000, interval: 5 });
      }
      stop();
    });
  },

  'a listener that was stopped hears nothing more': async ({ subject }) => {
    await betweenPeers(subject, async (scene, peer) => {
      const stopped: RecordChange[] = [];
      const heard: RecordChange[] = [];
      peer.onRemoteChange((change) => stopped.push(change))();
      peer.onRemoteChange((change) => heard.push(change));
      await scene.finish(byToken(await scene.acquire()), completed());
      await vi.waitFor(() => expect(heard).not.toEqual([]), { timeout: 5_000, interval: 5 });
      expect(stopped).toEqual([]);
    });
  },
};

/** Two stores open on one place of their own. */
async function betweenPeers(subject: StoreSubject, prove: (scene: Scene, peer: Store) => Promise<void>): Promise<void> {
  const place = await subject.makePlace();
  const [store, peer] = [await place.open(), await place.open()];
  try {
    await prove(createScene(store, subject), peer);
  } finally {
    await Promise.all([store.close(), peer.close()]);
    await place.dispose();
  }
}
