// Extending: renewing a lease and saving a checkpoint.

import { expect } from 'vitest';
import { durationMs } from '../../../storage/contract/index.ts';
import {
  byRevision,
  byToken,
  bytes,
  completed,
  expectSame,
  failed,
  keyOf,
  newToken,
  released,
  unknown,
} from '../scene.ts';
import { GRACE_MS, LEASE_MS, ORPHAN_TTL_MS, type Cases } from '../scene.ts';

export const extendCases: Cases = {
  'a renewal counts from now and moves expiry and purge with it': async (scene) => {
    const holder = await scene.acquire();
    scene.advance(10_000);
    const written = await scene.extend(byToken(holder));
    const leaseExpireMs = scene.now() + LEASE_MS;
    const expireMs = leaseExpireMs + ORPHAN_TTL_MS;
    expectSame(written.record, {
      ...holder,
      revision: holder.revision + 1,
      updateMs: scene.now(),
      leaseExpireMs,
      expireMs,
      purgeMs: expireMs + GRACE_MS,
    });
    expectSame(await scene.find(), written.record);
  },

  'a renewal past the hold limit leaves a lease that is over, and a record that stays a whole ttl from now': async (
    scene,
  ) => {
    const holder = await scene.acquire();
    scene.advance(LEASE_MS + 20_000);
    const limits = { holdMsMax: durationMs(1_000), orphanTtlMs: durationMs(5_000) };
    const written = await scene.extend(byToken(holder), limits);
    expect(written.record?.leaseExpireMs).toBe(holder.holdStartMs + 1_000);
    expect(written.record?.expireMs).toBe(scene.now() + 5_000);
  },

  'a renewal may make the lease shorter': async (scene) => {
    const holder = await scene.acquire();
    const written = await scene.extend(byToken(holder), { leaseMs: durationMs(100) });
    expect(written.record?.leaseExpireMs).toBe(scene.now() + 100);
  },

  'a renewal takes the orphan ttl and grace that it is given': async (scene) => {
    const holder = await scene.acquire();
    const written = await scene.extend(byToken(holder), { orphanTtlMs: durationMs(5_000), graceMs: durationMs(7) });
    const expireMs = scene.now() + LEASE_MS + 5_000;
    expect(written.record).toMatchObject({ expireMs, purgeMs: expireMs + 7 });
  },

  'a renewal without an orphan ttl uses the ttl of its claim': async (scene) => {
    const holder = await scene.acquire({ retention: { ttlMs: durationMs(1_234_000), graceMs: GRACE_MS } });
    const written = await scene.extend(byToken(holder), { orphanTtlMs: undefined });
    expect(written.record?.expireMs).toBe(scene.now() + LEASE_MS + 1_234_000);
  },

  'a renewal never passes the hold limit, counted from when this attempt began': async (scene) => {
    const holder = await scene.acquire();
    scene.advance(20_000);
    const holdMsMax = durationMs(40_000);
    const written = await scene.extend(byToken(holder), { holdMsMax });
    expect(written.record?.leaseExpireMs).toBe(holder.holdStartMs + holdMsMax);
    expect(written.record?.holdStartMs).toBe(holder.holdStartMs);
    expect(written.record?.expireMs).toBe(holder.holdStartMs + holdMsMax + ORPHAN_TTL_MS);
  },

  'a takeover starts a new hold': async (scene) => {
    const first = await scene.acquire();
    scene.setNow(first.leaseExpireMs);
    const next = await scene.acquire({ expected: first.revision });
    scene.advance(20_000);
    const written = await scene.extend(byToken(next), { holdMsMax: durationMs(40_000) });
    expect(written.record?.leaseExpireMs).toBe(next.holdStartMs + 40_000);
  },

  'a late holder whom nobody replaced may renew': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.leaseExpireMs + 60_000);
    const written = await scene.extend(byToken(holder));
    expect(written).toMatchObject({ applied: true, record: { leaseExpireMs: scene.now() + LEASE_MS, attempt: 1 } });
  },

  'a checkpoint without a lease leaves every deadline as it was': async (scene) => {
    const holder = await scene.acquire();
    scene.advance(1_000);
    const written = await scene.extend(byToken(holder), { leaseMs: undefined, checkpoint: bytes('tx-9') });
    const { revision, ...rest } = holder;
    expectSame(written.record, {
      ...rest,
      revision: revision + 1,
      updateMs: scene.now(),
      checkpoint: bytes('tx-9'),
    });
    expectSame(await scene.find(), written.record);
  },

  'a renewal without a checkpoint keeps the last one, and a new checkpoint replaces it': async (scene) => {
    const holder = await scene.acquire();
    await scene.extend(byToken(holder), { checkpoint: bytes('one') });
    await scene.extend(byToken(holder));
    expectSame((await scene.record()).checkpoint, bytes('one'));
    await scene.extend(byToken(holder), { checkpoint: bytes('two') });
    expectSame((await scene.record()).checkpoint, bytes('two'));
  },

  'an empty checkpoint is a checkpoint': async (scene) => {
    const holder = await scene.acquire();
    await scene.extend(byToken(holder), { checkpoint: bytes('one') });
    await scene.extend(byToken(holder), { checkpoint: bytes('') });
    expectSame((await scene.record()).checkpoint, bytes(''));
  },

  'a record whose outcome is unknown can be extended by its token: the lease moves, state and expiry stay': async (
    scene,
  ) => {
    const holder = await scene.acquire();
    const held = await scene.finish(byToken(holder), unknown);
    scene.advance(5_000);
    const written = await scene.extend(byToken(holder), { checkpoint: bytes('late') });
    expectSame(written.record, {
      ...held,
      revision: held.revision + 1,
      updateMs: scene.now(),
      leaseExpireMs: scene.now() + LEASE_MS,
      checkpoint: bytes('late'),
    });
  },

  'an extension by revision fits once': async (scene) => {
    const holder = await scene.acquire();
    expect((await scene.extend(byRevision(holder))).applied).toBe(true);
    expect((await scene.extend(byRevision(holder))).applied).toBe(false);
  },

  'an extension with another token is refused and shows what stands': async (scene) => {
    const holder = await scene.acquire();
    const written = await scene.extend({ kind: 'token', leaseToken: newToken() }, { checkpoint: bytes('intruder') });
    expect(written.applied).toBe(false);
    expectSame(written.record, holder);
    expectSame(await scene.find(), holder);
  },

  'nothing that ended can be extended, by its token or by its revision': async (scene) => {
    for (const settlement of [completed(bytes('done')), failed, released]) {
      const key = keyOf(settlement.kind);
      const holder = await scene.acquire({ key });
      await scene.finish(byToken(holder), settlement, { key });
      const stands = await scene.record({ key });
      for (const guard of [byToken(holder), byRevision(stands)]) {
        const written = await scene.extend(guard, { key, checkpoint: bytes('late') });
        expect(written.applied).toBe(false);
        expectSame(written.record, stands);
      }
      expectSame(await scene.find({ key }), stands);
    }
  },

  'an extension of nothing, or of an expired record, writes nothing': async (scene) => {
    const token = newToken();
    expect(await scene.extend(byToken({ leaseToken: token }))).toMatchObject({ applied: false, record: undefined });
    expect(await scene.find()).toBeUndefined();
    const holder = await scene.acquire();
    scene.setNow(holder.expireMs);
    expect((await scene.extend(byToken(holder))).applied).toBe(false);
    expect((await scene.extend(byRevision(holder))).applied).toBe(false);
    expectSame(await scene.find(), holder);
  },
};
