// Signals: what was cancelled before the store began to write was never written, and is told so.

import { expect } from 'vitest';
import { StoreError, type VerbOptions } from '../../../storage/contract/index.ts';
import { byToken, bytes, completed, expectSame, GRACE_MS, keyOf, LEASE_MS, type Cases, type Scene } from '../scene.ts';

export const cancelCases: Cases = {
  'a claim that was cancelled beforehand writes nothing': async (scene) => {
    await expectCancelled(scene.store.claim(scene.claimRequest(), aborted(scene)));
    expect(await scene.find()).toBeUndefined();
  },

  'an extension, a settle, a removal and a compaction that were cancelled beforehand write nothing': async (scene) => {
    const holder = await scene.acquire();
    const guard = byToken(holder);
    const { store, id } = scene;
    const extension = { ...id, guard, leaseMs: undefined, checkpoint: bytes('never'), ...DEADLINES };
    await expectCancelled(store.extend(extension, aborted(scene)));
    const settle = { ...id, guard, settlement: completed(), settleDigest: 'd', ttlMs: undefined, ...DEADLINES };
    await expectCancelled(store.settle(settle, aborted(scene)));
    await expectCancelled(store.remove({ ...id, revision: holder.revision, force: true }, aborted(scene)));
    scene.setNow(holder.purgeMs);
    await expectCancelled(store.compact({ limit: 10 }, aborted(scene)));
    expectSame(await scene.find(), holder);
  },

  'reading verbs that were cancelled beforehand say so': async (scene) => {
    const { store, id } = scene;
    await expectCancelled(store.read({ ...id, includeResult: true }, aborted(scene)));
    await expectCancelled(store.list({ namespace: scene.namespace, limit: 10 }, aborted(scene)));
    await expectCancelled(store.stats(aborted(scene)));
    await expectCancelled(store.ping(aborted(scene)));
  },

  'a claim cancelled on its way was either written and answered, or neither': async (scene) => {
    const keys = Array.from({ length: 60 }, (_, index) => keyOf(`key-${index}`));
    const controllers = keys.map(() => new AbortController());
    const claims = keys.map((key, index) =>
      scene.store.claim(scene.claimRequest({ key }), { ...scene.at(), ...signalOf(controllers[index]) }),
    );
    for (const [index, controller] of controllers.entries()) {
      if (index % 3 === 0) controller.abort();
      if (index % 3 === 1) queueMicrotask(() => controller.abort());
      if (index % 3 === 2) setImmediate(() => controller.abort());
    }
    const settled = await Promise.allSettled(claims);
    for (const [index, claim] of settled.entries()) {
      if (claim.status === 'rejected') expect(claim.reason).toMatchObject({ name: 'StoreError', kind: 'cancelled' });
      expect((await scene.find({ key: keyOf(`key-${index}`) })) !== undefined).toBe(claim.status === 'fulfilled');
    }
  },

  'one cancelled operation takes no other one with it': async (scene) => {
    const keys = Array.from({ length: 30 }, (_, index) => keyOf(`key-${index}`));
    const claims = keys.map((key, index) =>
      scene.store.claim(scene.claimRequest({ key }), index === 15 ? aborted(scene) : scene.at()),
    );
    const settled = await Promise.allSettled(claims);
    expect(settled.flatMap((claim, index) => (claim.status === 'rejected' ? [index] : []))).toEqual([15]);
  },

  'a signal that fires after the answer changes nothing': async (scene) => {
    const controller = new AbortController();
    const { record } = await scene.store.claim(scene.claimRequest(), { ...scene.at(), signal: controller.signal });
    controller.abort();
    expectSame(await scene.find(), record);
  },
};

const DEADLINES = { holdMsMax: LEASE_MS, orphanTtlMs: LEASE_MS, graceMs: GRACE_MS };

const aborted = (scene: Scene): VerbOptions => ({ ...scene.at(), signal: AbortSignal.abort() });

const signalOf = (controller: AbortController | undefined): VerbOptions =>
  controller === undefined ? {} : { signal: controller.signal };

async function expectCancelled(verb: Promise<unknown>): Promise<void> {
  const reason: unknown = await verb.then(
    () => 'answered',
    (error: unknown) => error,
  );
  expect(reason).toBeInstanceOf(StoreError);
  expect(reason).toMatchObject({ kind: 'cancelled' });
}
