// Both sides of every deadline: the last millisecond before it and the first one at it.

import { expect } from 'vitest';
import { durationMs, type EpochMs, type ListFilter } from '../../../storage/contract/index.ts';
import { byToken, completed, drain, newToken, released, unknown, type Cases, type Scene } from '../scene.ts';

export const boundaryCases: Cases = {
  'a lease is live until the millisecond before its end: not removable, no orphan': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.leaseExpireMs - 1);
    expect(await listedKeys(scene, { orphanedOnly: true })).toEqual([]);
    expect(await scene.remove(holder.revision)).toBe(false);
    expect(await scene.find()).toBeDefined();
  },

  'a lease is over at its end: removable, and an orphan': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.leaseExpireMs);
    expect(await listedKeys(scene, { orphanedOnly: true })).toEqual([holder.key]);
    expect(await scene.remove(holder.revision)).toBe(true);
    expect(await scene.find()).toBeUndefined();
  },

  'an abandoned record is present until the millisecond before it expires': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.expireMs - 1);
    expect((await scene.claim()).applied).toBe(false);
    expect(await listedKeys(scene)).toEqual([holder.key]);
    expect((await scene.extend(byToken(holder))).applied).toBe(true);
  },

  'an abandoned record is absent from the millisecond in which it expires': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.expireMs);
    expect(await listedKeys(scene)).toEqual([]);
    expect((await scene.extend(byToken(holder))).applied).toBe(false);
    expect((await scene.settle(byToken(holder), completed())).applied).toBe(false);
    expect(await scene.claim()).toMatchObject({ applied: true, replacedExpired: true });
  },

  'an outcome is present until the millisecond before it expires': async (scene) => {
    const outcome = await scene.finish(byToken(await scene.acquire()), completed());
    scene.setNow(outcome.expireMs - 1);
    expect(await scene.claim()).toMatchObject({ applied: false, record: { state: 'COMPLETED' } });
    expect(await listedKeys(scene)).toEqual([outcome.key]);
  },

  'an outcome is absent from the millisecond in which it expires': async (scene) => {
    const outcome = await scene.finish(byToken(await scene.acquire()), completed());
    scene.setNow(outcome.expireMs);
    expect(await listedKeys(scene)).toEqual([]);
    expect(await scene.claim()).toMatchObject({ applied: true, replacedExpired: true });
  },

  'a released record can be claimed by revision until the millisecond before it expires': async (scene) => {
    const before = await scene.finish(byToken(await scene.acquire()), released);
    scene.setNow(before.expireMs);
    expect((await scene.claim({ expected: before.revision })).applied).toBe(false);
    scene.setNow(before.expireMs - 1);
    expect((await scene.claim({ expected: before.revision })).applied).toBe(true);
  },

  'an unknown outcome can be completed until the millisecond before it expires': async (scene) => {
    const holder = await scene.acquire();
    const held = await scene.finish(byToken(holder), unknown, { ttlMs: durationMs(50_000) });
    scene.setNow(held.expireMs);
    expect((await scene.settle(byToken(holder), completed())).applied).toBe(false);
    scene.setNow(held.expireMs - 1);
    expect((await scene.settle(byToken(holder), completed())).applied).toBe(true);
  },

  'result bytes stay until the millisecond before their end, then compaction drops them': async (scene) => {
    await drain(scene.store);
    const outcome = await scene.finish(byToken(await scene.acquire()), completed());
    await compactAt(scene, outcome.resultExpireMs - 1);
    expect((await scene.record()).result).toBeDefined();
    await compactAt(scene, outcome.resultExpireMs);
    expect(await scene.record()).toMatchObject({ state: 'COMPLETED', resultDropped: true });
  },

  'a record stays until the millisecond before its purge, then compaction removes it': async (scene) => {
    await drain(scene.store);
    const holder = await scene.acquire();
    await compactAt(scene, holder.purgeMs - 1);
    expect(await scene.find()).toBeDefined();
    await compactAt(scene, holder.purgeMs);
    expect(await scene.find()).toBeUndefined();
  },

  'without a grace an expired record goes in the millisecond in which it expires': async (scene) => {
    await drain(scene.store);
    const holder = await scene.acquire();
    const outcome = await scene.finish(byToken(holder), completed(), { graceMs: durationMs(0) });
    expect(outcome.purgeMs).toBe(outcome.expireMs);
    await compactAt(scene, outcome.expireMs - 1);
    expect(await scene.find()).toBeDefined();
    await compactAt(scene, outcome.expireMs);
    expect(await scene.find()).toBeUndefined();
  },

  'a last write is old enough from exactly the age that was asked for': async (scene) => {
    const { key } = await scene.acquire();
    const ageMsMin = durationMs(10_000);
    scene.advance(9_999);
    expect(await listedKeys(scene, { ageMsMin })).toEqual([]);
    scene.advance(1);
    expect(await listedKeys(scene, { ageMsMin })).toEqual([key]);
  },

  'deadlines far away are kept to the millisecond': async (scene) => {
    const longMs = durationMs(400 * 86_400_000 + 1);
    const holder = await scene.acquire({
      leaseMs: durationMs(86_399_999),
      orphanTtlMs: longMs,
      leaseToken: newToken(),
    });
    expect((await scene.record()).expireMs).toBe(scene.now() + 86_399_999 + longMs);
    const outcome = await scene.finish(byToken(holder), completed(), { ttlMs: longMs });
    scene.setNow(outcome.expireMs - 1);
    expect((await scene.claim()).applied).toBe(false);
    scene.advance(1);
    expect((await scene.claim()).applied).toBe(true);
  },
};

async function listedKeys(scene: Scene, filter?: ListFilter): Promise<readonly string[]> {
  return (await scene.list(filter)).map((record) => record.key);
}

async function compactAt(scene: Scene, instant: number): Promise<void> {
  await scene.store.compact({ limit: 100 }, { nowMs: instant as EpochMs });
}
