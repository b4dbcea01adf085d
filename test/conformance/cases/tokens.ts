// Fencing tokens and revisions: numbers that only grow for a key, through takeover, release, expiry and purge.

import { expect } from 'vitest';
import { durationMs, type SettleRequest, type StoredRecord } from '../../../storage/contract/index.ts';
import { byToken, completed, drain, expectSame, failed, keyOf, released, type Cases, type Scene } from '../scene.ts';

export const tokenCases: Cases = {
  'a first claim has the clock as fencing token and revision': async (scene) => {
    expect(await scene.acquire()).toMatchObject({ fencingToken: scene.now(), revision: scene.now() });
  },

  'a later claim has the later clock': async (scene) => {
    const first = await scene.acquire();
    scene.setNow(first.leaseExpireMs);
    const next = await scene.acquire({ expected: first.revision });
    expect(next).toMatchObject({ fencingToken: scene.now(), revision: scene.now() });
  },

  'claims within one millisecond have rising tokens and revisions': async (scene) => {
    const grants = await attempts(scene, 5);
    const base = scene.now();
    expect(grants.map((grant) => grant.fencingToken)).toEqual([base, base + 1, base + 2, base + 3, base + 4]);
    expect(grants.map((grant) => grant.revision)).toEqual([base, base + 2, base + 4, base + 6, base + 8]);
  },

  'every write but a claim adds exactly 1 to the revision': async (scene) => {
    const first = await scene.acquire();
    scene.advance(1_000);
    const renewed = await scene.extend(byToken(first));
    expect(renewed.record?.revision).toBe(first.revision + 1);
    const settled = await scene.finish(byToken(first), completed());
    expect(settled.revision).toBe(first.revision + 2);
  },

  'a refused write leaves the revision alone': async (scene) => {
    const first = await scene.acquire();
    await scene.claim();
    await scene.claim({ expected: first.revision + 1 });
    await scene.settle({ kind: 'revision', revision: first.revision + 1 }, completed());
    expect((await scene.record()).revision).toBe(first.revision);
  },

  'extending or settling leaves the fencing token alone': async (scene) => {
    const first = await scene.acquire();
    scene.advance(1_000);
    await scene.extend(byToken(first));
    expect((await scene.record()).fencingToken).toBe(first.fencingToken);
    await scene.finish(byToken(first), completed());
    expect((await scene.record()).fencingToken).toBe(first.fencingToken);
  },

  'tokens and revisions rise across expiry, also when they had run ahead of the clock': async (scene) => {
    const last = await shortLived(scene);
    scene.setNow(last.expireMs);
    expect(scene.now()).toBeLessThan(last.fencingToken);
    const again = await scene.claim();
    expect(again.replacedExpired).toBe(true);
    expect(again.record).toMatchObject({
      attempt: 1,
      fencingToken: last.fencingToken + 1,
      revision: last.revision + 1,
    });
  },

  'tokens and revisions rise across a removal': async (scene) => {
    const first = await scene.acquire();
    scene.advance(1);
    expect(await scene.remove(first.revision, true)).toBe(true);
    expectGreater(await scene.acquire(), first);
  },

  'a record is not removed, not even by force, before the clock is past its numbers': async (scene) => {
    const last = await shortLived(scene);
    expect(last.fencingToken).toBeLessThan(last.revision);
    scene.setNow(last.revision);
    expect(await scene.remove(last.revision, true)).toBe(false);
    expectSame(await scene.find(), last);
    scene.advance(1);
    expect(await scene.remove(last.revision, true)).toBe(true);
    expectGreater(await scene.acquire(), last);
  },

  'compaction leaves a record until the clock is past its numbers, and removes what is due behind it': async (
    scene,
  ) => {
    await drain(scene.store);
    const last = await shortLived(scene, { graceMs: durationMs(0) });
    scene.setNow(last.purgeMs);
    const key = keyOf('behind');
    const soon = { key, ttlMs: durationMs(1), graceMs: durationMs(0) };
    const behind = await scene.finish(byToken(await scene.acquire({ key })), failed, soon);
    scene.setNow(behind.revision + 1);
    expect(await compact(scene)).toMatchObject({ recordsRemoved: 1, more: false, lagMs: 0 });
    expectSame(await scene.find(), last);
    scene.setNow(last.revision);
    expect(await compact(scene)).toMatchObject({ recordsRemoved: 0, more: false, lagMs: 0 });
    scene.advance(1);
    expect(await compact(scene)).toMatchObject({ recordsRemoved: 1, more: false, lagMs: 0 });
    expectGreater(await scene.acquire(), last);
  },
};

/** `count` attempts one after the other without the clock moving; all but the last are released. */
async function attempts(scene: Scene, count: number): Promise<readonly StoredRecord[]> {
  const grants = [await scene.acquire()];
  for (let round = 1; round < count; round += 1) {
    const released = await release(scene, grants.at(-1));
    grants.push(await scene.acquire({ expected: released.revision }));
  }
  return grants;
}

async function release(scene: Scene, holder: StoredRecord | undefined): Promise<StoredRecord> {
  if (holder === undefined) throw new Error('nobody holds the key');
  return scene.finish(byToken(holder), {
    ...released,
    kind: 'released',
    retryAfterMs: durationMs(0),
    error: undefined,
  });
}

/** A record whose numbers are 5 and more ahead of the clock and which expires 2 ms from now. Shown as it stands. */
async function shortLived(scene: Scene, over: Partial<SettleRequest> = {}): Promise<StoredRecord> {
  const holder = (await attempts(scene, 6)).at(-1);
  if (holder === undefined) throw new Error('nobody holds the key');
  await scene.finish(byToken(holder), completed(), { ttlMs: durationMs(2), ...over });
  return scene.record();
}

const compact = (scene: Scene) => scene.store.compact({ limit: 1 }, scene.at());

/** A first attempt on a key whose former record is gone. */
function expectGreater(again: StoredRecord, former: StoredRecord): void {
  expect(again).toMatchObject({ attempt: 1, attemptOrigin: 'FRESH' });
  expect(again.fencingToken).toBeGreaterThan(former.fencingToken);
  expect(again.revision).toBeGreaterThan(former.revision);
}
