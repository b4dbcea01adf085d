// Removing one record under its conditions.

import { expect } from 'vitest';
import { byToken, completed, expectSame, keyOf, released, unknown, type Cases } from '../scene.ts';

export const removeCases: Cases = {
  'a removed record is gone, and the key starts over': async (scene) => {
    const outcome = await scene.finish(byToken(await scene.acquire()), completed());
    scene.setNow(outcome.revision + 1);
    expect(await scene.remove(outcome.revision)).toBe(true);
    expect(await scene.find()).toBeUndefined();
    expect(await scene.claim()).toMatchObject({ applied: true, replacedExpired: false, record: { attempt: 1 } });
  },

  'a record of another revision stays as it was': async (scene) => {
    const outcome = await scene.finish(byToken(await scene.acquire()), completed());
    const stands = await scene.record();
    scene.advance(10);
    for (const revision of [outcome.revision - 1, outcome.revision + 1]) {
      expect(await scene.remove(revision)).toBe(false);
      expect(await scene.remove(revision, true)).toBe(false);
    }
    expectSame(await scene.find(), stands);
  },

  'a live lease goes only by force': async (scene) => {
    const holder = await scene.acquire();
    scene.advance(1);
    expect(await scene.remove(holder.revision)).toBe(false);
    expectSame(await scene.find(), holder);
    expect(await scene.remove(holder.revision, true)).toBe(true);
    expect(await scene.find()).toBeUndefined();
  },

  'a lease that was renewed is live again': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.leaseExpireMs);
    const renewed = await scene.extend(byToken(holder));
    scene.advance(1);
    expect(await scene.remove(renewed.record?.revision ?? 0)).toBe(false);
  },

  'what has no live lease goes without force: released, unknown, expired': async (scene) => {
    for (const settlement of [released, unknown]) {
      const key = keyOf(settlement.kind);
      const settled = await scene.finish(byToken(await scene.acquire({ key })), settlement, { key });
      scene.setNow(settled.revision + 1);
      const asked = { namespace: scene.namespace, key, revision: settled.revision, force: false };
      expect(await scene.store.remove(asked, scene.at())).toBe(true);
    }
    const holder = await scene.acquire();
    scene.setNow(holder.expireMs);
    expect(await scene.remove(holder.revision)).toBe(true);
    expect(await scene.find()).toBeUndefined();
  },

  'removing nothing is false': async (scene) => {
    expect(await scene.remove(1)).toBe(false);
    expect(await scene.remove(0, true)).toBe(false);
  },

  'a removal touches no neighbour': async (scene) => {
    const holder = await scene.acquire();
    const neighbour = await scene.acquire({ key: keyOf('order-10') });
    scene.advance(1);
    expect(await scene.remove(holder.revision, true)).toBe(true);
    expectSame(await scene.find({ key: keyOf('order-10') }), neighbour);
  },

  'a removed record is listed no more': async (scene) => {
    const holder = await scene.acquire();
    scene.advance(1);
    expect(await scene.remove(holder.revision, true)).toBe(true);
    expect(await scene.list({ includeExpired: true })).toEqual([]);
  },

  'of 20 removals of one revision one is true': async (scene) => {
    const holder = await scene.acquire();
    scene.advance(1);
    const removals = await Promise.all(Array.from({ length: 20 }, () => scene.remove(holder.revision, true)));
    expect(removals.filter(Boolean)).toHaveLength(1);
  },
};
