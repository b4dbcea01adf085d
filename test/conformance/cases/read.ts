// Reading one record.

import { expect } from 'vitest';
import { byToken, bytes, completed, expectSame, keyOf, newNamespace, type Cases } from '../scene.ts';

export const readCases: Cases = {
  'a read of nothing answers the clock and no record': async (scene) => {
    const found = await scene.store.read({ ...scene.id, includeResult: true }, scene.at());
    expect(found).toEqual({ nowMs: scene.now(), record: undefined });
  },

  'a read without the result shows how long the result is, and everything else': async (scene) => {
    await scene.finish(byToken(await scene.acquire()), completed(bytes('receipt')));
    const stored = await scene.record();
    expectSame(stored.result, bytes('receipt'));
    expectSame(await scene.find({ includeResult: false }), { ...stored, result: undefined });
    expect(stored.resultBytes).toBe(7);
  },

  'an expired record is shown until it is purged; the caller judges': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.purgeMs + 1);
    expectSame(await scene.find(), holder);
  },

  'a read sees every write that was answered before it': async (scene) => {
    const holder = await scene.acquire();
    for (let round = 0; round < 50; round += 1) {
      scene.advance(1);
      await scene.extend(byToken(holder), { checkpoint: bytes(`step ${round}`) });
      expectSame((await scene.record()).checkpoint, bytes(`step ${round}`));
    }
  },

  'a read writes nothing': async (scene) => {
    const holder = await scene.acquire();
    scene.advance(5_000);
    await scene.find();
    await scene.find({ includeResult: false });
    expectSame(await scene.find(), holder);
  },

  'a read is of exactly this namespace and key': async (scene) => {
    await scene.acquire();
    expect(await scene.find({ namespace: newNamespace() })).toBeUndefined();
    expect(await scene.find({ key: keyOf('order-10') })).toBeUndefined();
    expect(await scene.find({ key: keyOf('ORDER-1') })).toBeUndefined();
  },
};
