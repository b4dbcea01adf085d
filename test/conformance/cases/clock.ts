// The store's own clock: every verb without a nowMs is stamped by it, once, and it never goes back.

import { expect } from 'vitest';
import { byToken, bytes, completed, keyOf, LEASE_MS, type Cases, type Scene } from '../scene.ts';

export const clockCases: Cases = {
  'deadlines are counted from the stamp of the store, which is in every answer': async (scene) => {
    const { nowMs, record } = await scene.store.claim(scene.claimRequest());
    expect(Number.isSafeInteger(nowMs)).toBe(true);
    expect(record).toMatchObject({
      createMs: nowMs,
      updateMs: nowMs,
      holdStartMs: nowMs,
      leaseExpireMs: nowMs + LEASE_MS,
    });
    expect(record?.fencingToken).toBe(nowMs);
  },

  'the clock is one of today, to within a minute of ours': async (scene) => {
    const { nowMs } = await scene.store.read({ ...scene.id, includeResult: false });
    expect(Math.abs(nowMs - Date.now())).toBeLessThan(60_000);
  },

  'the clock never goes back from one answer to the next, whichever verb asks': async (scene) => {
    const stamps: number[] = [];
    for (let round = 0; round < 15; round += 1) stamps.push(...(await everyVerb(scene, round)));
    expect(stamps).toEqual(stamps.toSorted((a, b) => a - b));
  },

  'a virtual instant is judged and stamped as it is given, and only for that call': async (scene) => {
    const virtual = await scene.claim();
    expect(virtual.nowMs).toBe(scene.now());
    const { nowMs } = await scene.store.read({ ...scene.id, includeResult: false });
    expect(nowMs).toBeLessThan(scene.now());
  },

  'listening for changes can begin and end on any store': async (scene) => {
    const stop = scene.store.onRemoteChange(() => undefined);
    await scene.acquire();
    expect(stop()).toBeUndefined();
  },

  'a ping resolves': async (scene) => {
    await expect(scene.store.ping()).resolves.toBeUndefined();
  },

  'the description says what the store is, and no password': async (scene) => {
    const { kind, acknowledged, tier, location } = scene.store.description;
    for (const text of [kind, acknowledged, tier, location]) expect(text.length).toBeGreaterThan(0);
    expect(location).not.toMatch(/\/\/[^/@]*:[^/@]*@/);
  },
};

async function everyVerb({ store, id, ...scene }: Scene, round: number): Promise<readonly number[]> {
  const at = { ...id, key: keyOf(`round-${round}`) };
  const request = scene.claimRequest(at);
  const guard = byToken(request);
  const deadlines = { holdMsMax: LEASE_MS, orphanTtlMs: LEASE_MS, graceMs: LEASE_MS };
  const claim = await store.claim(request);
  const extend = await store.extend({ ...at, guard, leaseMs: LEASE_MS, checkpoint: bytes('c'), ...deadlines });
  const settle = await store.settle({
    ...at,
    guard,
    settlement: completed(),
    settleDigest: 'd',
    ttlMs: LEASE_MS,
    ...deadlines,
  });
  const read = await store.read({ ...at, includeResult: true });
  const list = await store.list({ namespace: id.namespace, limit: 1 });
  return [claim, extend, settle, read, list].map((answer) => answer.nowMs);
}
