// What survives a close: everything that was acknowledged.

import { expect } from 'vitest';
import type { Store } from '../../../storage/contract/index.ts';
import { byToken, bytes, completed, createScene, expectSame, failed, keyOf, released, type Cases } from '../scene.ts';
import type { StoreSubject } from '../subject.ts';

export const reopenCases: Cases = {
  'every record is there again, field by field': async ({ subject }) => {
    await closeBetween(subject, async (store, reopen) => {
      const scene = createScene(store, subject);
      const held = await scene.acquire({ key: keyOf('held') });
      await scene.extend(byToken(held), { key: keyOf('held'), checkpoint: bytes('tx-9') });
      for (const settlement of [completed(new Uint8Array(256 * 1024).fill(7)), failed, released]) {
        const key = keyOf(settlement.kind);
        await scene.finish(byToken(await scene.acquire({ key })), settlement, { key });
      }
      const keys = ['held', 'completed', 'failed', 'released'].map(keyOf);
      const read = (from: Store) =>
        Promise.all(keys.map((key) => from.read({ ...scene.id, key, includeResult: true }, scene.at())));
      const before = await read(store);
      expectSame(await read(await reopen()), before);
    });
  },

  'a holder goes on, and a stranger is refused': async ({ subject }) => {
    await closeBetween(subject, async (store, reopen) => {
      const { id, claimRequest, ...before } = createScene(store, subject);
      const holder = await before.acquire();
      const again = await reopen();
      expect((await again.claim({ ...claimRequest(), ...id }, before.at())).applied).toBe(false);
      const settle = { ...id, guard: byToken(holder), settlement: completed(), settleDigest: 'd', ttlMs: undefined };
      const graceMs = holder.ttlMs;
      expect((await again.settle({ ...settle, graceMs }, before.at())).applied).toBe(true);
    });
  },

  'what is due is still found by compaction, and what is listed still by listing': async ({ subject }) => {
    await closeBetween(subject, async (store, reopen) => {
      const scene = createScene(store, subject);
      const due = await scene.acquire({ key: keyOf('due') });
      scene.advance(1);
      await scene.acquire({ key: keyOf('later') });
      const again = await reopen();
      const listed = await createScene(again, subject).list({ namespace: scene.namespace });
      expect(listed.map((record) => record.key)).toEqual(['due', 'later']);
      const compacted = await again.compact({ limit: 10 }, { nowMs: due.purgeMs });
      expect(compacted).toMatchObject({ recordsRemoved: 1, more: false });
    });
  },

  'the clock does not go back, and tokens go on rising': async ({ subject }) => {
    await closeBetween(subject, async (store, reopen) => {
      const scene = createScene(store, subject);
      const first = await store.claim(scene.claimRequest());
      const again = await reopen();
      const next = await again.claim(scene.claimRequest({ expected: first.record?.revision ?? 0 }));
      expect(next.applied).toBe(true);
      expect(next.nowMs).toBeGreaterThanOrEqual(first.nowMs);
      expect(next.record?.fencingToken).toBeGreaterThan(first.record?.fencingToken ?? 0);
    });
  },

  'the registry is there again, with its revisions': async ({ subject }) => {
    await closeBetween(subject, async (store, reopen) => {
      const entry = { collection: 'policies', name: 'payments', value: '{"lease":"30s"}' };
      await store.registry.put(entry);
      const put = await store.registry.put(entry);
      const again = await reopen();
      expect(await again.registry.get(entry)).toEqual(put);
      expect(await again.registry.put({ ...entry, expectedRevision: 2 })).toMatchObject({ revision: 3 });
    });
  },

  'a close finishes what is queued: each claim under way is answered, and there again': async ({ subject }) => {
    await closeBetween(subject, async (store, reopen) => {
      const scene = createScene(store, subject);
      const keys = Array.from({ length: 100 }, (_, index) => keyOf(`key-${index}`));
      const claims = keys.map((key) => scene.acquire({ key }));
      const [again, held] = await Promise.all([reopen(), Promise.all(claims)]);
      const found = keys.map((key) => again.read({ ...scene.id, key, includeResult: true }, scene.at()));
      expectSame(
        (await Promise.all(found)).map(({ record }) => record),
        held,
      );
    });
  },
};

type Prove = (store: Store, reopen: () => Promise<Store>) => Promise<void>;

/** On a place of its own, with a way to close the store and open what it left. */
async function closeBetween(subject: StoreSubject, prove: Prove): Promise<void> {
  const place = await subject.makePlace();
  let open = await place.open();
  const reopen = async (): Promise<Store> => {
    await open.close();
    open = await place.open();
    return open;
  };
  try {
    await prove(open, reopen);
  } finally {
    await open.close();
    await place.dispose();
  }
}
