// Late and superseded holders: who keeps the work, and who changes nothing.

import { expect } from 'vitest';
import { byToken, bytes, completed, expectSame, failed, released, unknown, type Cases, type Scene } from '../scene.ts';

export const holderCases: Cases = {
  'a late holder whom nobody replaced can complete': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.expireMs - 1);
    await scene.finish(byToken(holder), completed(bytes('late but mine')));
    expectSame((await scene.record()).result, bytes('late but mine'));
  },

  'a late holder whom nobody replaced can fail, release, or say that it does not know': async (scene) => {
    for (const settlement of [failed, released, unknown]) {
      const key = `late-${settlement.kind}` as typeof scene.key;
      const holder = await scene.acquire({ key });
      scene.setNow(holder.leaseExpireMs + 1);
      await scene.finish(byToken(holder), settlement, { key });
    }
  },

  'after a takeover the old token is refused on every call, while the new holder works': async (scene) => {
    const { old, holder } = await takeOver(scene);
    await expectRefused(scene, old);
    expectSame(await scene.find(), holder);
  },

  'after a takeover the old token is refused, also once the new lease is over': async (scene) => {
    const { old, holder } = await takeOver(scene);
    scene.setNow(holder.leaseExpireMs + 1);
    await expectRefused(scene, old);
    expectSame(await scene.find(), holder);
  },

  'after a release and a new claim the old token is refused': async (scene) => {
    const old = await scene.acquire();
    const before = await scene.finish(byToken(old), released);
    const holder = await scene.acquire({ expected: before.revision });
    await expectRefused(scene, old);
    expectSame(await scene.find(), holder);
  },

  'after expiry and a new claim the old token is refused': async (scene) => {
    const old = await scene.acquire();
    scene.setNow(old.expireMs);
    const holder = await scene.acquire();
    await expectRefused(scene, old);
    expectSame(await scene.find(), holder);
  },

  'after a removal and a new claim the old token is refused': async (scene) => {
    const old = await scene.acquire();
    scene.advance(1);
    await scene.remove(old.revision, true);
    const holder = await scene.acquire();
    await expectRefused(scene, old);
    expectSame(await scene.find(), holder);
  },

  'a token opens no other key': async (scene) => {
    const mine = await scene.acquire();
    const key = 'order-2' as typeof scene.key;
    const other = await scene.acquire({ key });
    await expectRefused(scene, mine, key);
    expectSame(await scene.find({ key }), other);
  },

  'the state of a superseded holder is shown with attempt and owner as they are now': async (scene) => {
    const { old, holder } = await takeOver(scene);
    const written = await scene.settle(byToken(old), completed());
    expect(written.record).toMatchObject({ attempt: 2, owner: holder.owner, state: 'IN_PROGRESS' });
  },
};

async function takeOver(scene: Scene) {
  const old = await scene.acquire();
  scene.setNow(old.leaseExpireMs);
  const holder = await scene.acquire({ expected: old.revision, owner: 'worker-2' });
  return { old, holder };
}

async function expectRefused(scene: Scene, old: Parameters<typeof byToken>[0], key = scene.key): Promise<void> {
  expect((await scene.extend(byToken(old), { key })).applied).toBe(false);
  expect((await scene.extend(byToken(old), { key, leaseMs: undefined, checkpoint: bytes('x') })).applied).toBe(false);
  for (const settlement of [completed(bytes('stale')), failed, released, unknown]) {
    expect((await scene.settle(byToken(old), settlement, { key })).applied).toBe(false);
  }
}
