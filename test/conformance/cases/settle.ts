// Settling: how an attempt ends, and what each ending keeps and clears.

import { expect } from 'vitest';
import { durationMs, type Settlement, type StoredRecord } from '../../../storage/contract/index.ts';
import { byRevision, byToken, bytes, completed, declined, expectSame, failed, keyOf, newToken } from '../scene.ts';
import { GRACE_MS, released, RESULT_TTL_MS, TTL_MS, unknown, type Cases, type Scene } from '../scene.ts';

export const settleCases: Cases = {
  'a completed record keeps its result and its stamps, and drops checkpoint and last error': async (scene) => {
    const holder = await acquireWithPast(scene);
    scene.advance(1_000);
    const settled = await scene.finish(byToken(holder), completed(bytes('paid')));
    expectSame(await scene.record(), {
      ...holder,
      state: 'COMPLETED',
      revision: holder.revision + 1,
      settleDigest: 'digest of completed',
      result: bytes('paid'),
      resultBytes: 4,
      contentType: 'application/json',
      contentEncoding: 'identity',
      outcomeLabels: { receipt: 'r-1' },
      checkpoint: undefined,
      error: undefined,
      ...stamps(scene, TTL_MS),
      resultExpireMs: scene.now() + RESULT_TTL_MS,
    });
    expectSame({ ...settled, result: undefined }, { ...(await scene.record()), result: undefined });
  },

  'a failed record keeps its own error and drops the checkpoint': async (scene) => {
    const holder = await acquireWithPast(scene);
    scene.advance(1_000);
    const error = { code: 'FRAUD', message: 'no', detail: bytes('d'), contentType: 'text/plain' };
    await scene.finish(byToken(holder), { kind: 'failed', error });
    expectSame(await scene.record(), {
      ...holder,
      state: 'FAILED',
      revision: holder.revision + 1,
      settleDigest: 'digest of failed',
      error,
      checkpoint: undefined,
      ...stamps(scene, TTL_MS),
    });
  },

  'a released record keeps the checkpoint and says when to retry': async (scene) => {
    const holder = await acquireWithPast(scene);
    scene.advance(1_000);
    const error = { code: 'BUSY', message: 'later', detail: bytes(''), contentType: '' };
    const settled = await scene.finish(byToken(holder), { kind: 'released', error, retryAfterMs: durationMs(5_000) });
    expectSame(settled, await scene.record());
    expectSame(settled, {
      ...holder,
      state: 'RELEASED',
      revision: holder.revision + 1,
      settleDigest: 'digest of released',
      error,
      retryMs: scene.now() + 5_000,
      ...stamps(scene, TTL_MS),
    });
  },

  'a record of unknown outcome keeps the checkpoint and the ttl that it was claimed with': async (scene) => {
    const holder = await acquireWithPast(scene);
    scene.advance(1_000);
    const ttlMs = durationMs(9_000_000);
    await scene.finish(byToken(holder), { kind: 'unknown', error: undefined }, { ttlMs });
    expectSame(await scene.record(), {
      ...holder,
      state: 'UNKNOWN',
      revision: holder.revision + 1,
      settleDigest: 'digest of unknown',
      ...stamps(scene, ttlMs),
      ttlMs: holder.ttlMs,
    });
  },

  'a release or unknown without an error keeps the last one': async (scene) => {
    for (const settlement of [{ ...released, error: undefined } as Settlement, unknown]) {
      const key = keyOf(settlement.kind);
      const holder = await acquireWithPast(scene, key);
      await scene.finish(byToken(holder), settlement, { key });
      expectSame((await scene.record({ key })).error, declined);
    }
  },

  'an unknown with an error replaces the last one': async (scene) => {
    const holder = await acquireWithPast(scene);
    const error = { code: 'TIMEOUT', message: 'no reply', detail: bytes(''), contentType: '' };
    await scene.finish(byToken(holder), { kind: 'unknown', error });
    expectSame((await scene.record()).error, error);
  },

  'an unknown outcome can still be completed, failed or released by its token': async (scene) => {
    for (const settlement of [completed(), failed, released]) {
      const key = keyOf(settlement.kind);
      const holder = await scene.acquire({ key });
      await scene.finish(byToken(holder), unknown, { key });
      scene.advance(1_000);
      await scene.finish(byToken(holder), settlement, { key });
      expect((await scene.record({ key })).settleMs).toBe(scene.now());
    }
  },

  'a completed record that was unknown for longer uses the ttl of its claim': async (scene) => {
    const holder = await scene.acquire();
    await scene.finish(byToken(holder), unknown, { ttlMs: durationMs(9_000_000) });
    const settled = await scene.finish(byToken(holder), completed(), { ttlMs: undefined });
    expect(settled).toMatchObject({ ttlMs: TTL_MS, expireMs: scene.now() + TTL_MS });
  },

  'a settle without a ttl uses the ttl of its claim': async (scene) => {
    const holder = await scene.acquire({ retention: { ttlMs: durationMs(1_234_000), graceMs: GRACE_MS } });
    const settled = await scene.finish(byToken(holder), completed(), { ttlMs: undefined });
    expect(settled).toMatchObject({ ttlMs: 1_234_000, expireMs: scene.now() + 1_234_000 });
  },

  'a settle takes the ttl and grace that it is given': async (scene) => {
    const holder = await scene.acquire();
    const settled = await scene.finish(byToken(holder), failed, { ttlMs: durationMs(5_000), graceMs: durationMs(7) });
    const expireMs = scene.now() + 5_000;
    expect(settled).toMatchObject({ ttlMs: 5_000, expireMs, purgeMs: expireMs + 7 });
  },

  'result bytes never outlive their record': async (scene) => {
    const holder = await scene.acquire();
    const settled = await scene.finish(byToken(holder), completed(), { ttlMs: durationMs(1_000) });
    expect(settled.resultExpireMs).toBe(scene.now() + 1_000);
  },

  'a settle keeps the fingerprints and the labels of the begin': async (scene) => {
    const fingerprints = [1, 2, 3, 4].map((n) => ({ scheme: `scheme-${n}`, digest: bytes(`digest ${n}`) }));
    for (const settlement of [completed(), failed, released, unknown]) {
      const key = keyOf(settlement.kind);
      const holder = await scene.acquire({ key, fingerprints, labels: { a: '1', b: '2' } });
      const settled = await scene.finish(byToken(holder), settlement, { key });
      expectSame([settled.fingerprints, settled.labels], [fingerprints, { a: '1', b: '2' }]);
    }
  },

  'an applied settle answers without the result bytes, a refused one with them': async (scene) => {
    const holder = await scene.acquire();
    const first = await scene.settle(byToken(holder), completed(bytes('paid')));
    expect(first).toMatchObject({ applied: true, record: { resultBytes: 4, resultDropped: false } });
    expect(first.record?.result).toBeUndefined();
    const second = await scene.settle(byToken(holder), completed(bytes('paid')));
    expect(second.applied).toBe(false);
    expectSame(second.record?.result, bytes('paid'));
  },

  'an outcome is final: no token and no revision overwrites it': async (scene) => {
    for (const outcome of [completed(), failed]) {
      const key = keyOf(outcome.kind);
      const holder = await scene.acquire({ key });
      await scene.finish(byToken(holder), outcome, { key });
      const stands = await scene.record({ key });
      for (const guard of [byToken(holder), byRevision(stands)]) {
        for (const settlement of [completed(bytes('other')), failed, released, unknown]) {
          expect((await scene.settle(guard, settlement, { key })).applied).toBe(false);
        }
      }
      expectSame(await scene.record({ key }), stands);
    }
  },

  'a released record can be settled by revision, never by the token that released it': async (scene) => {
    const holder = await acquireWithPast(scene);
    const stands = await scene.finish(byToken(holder), released);
    expect((await scene.settle(byToken(holder), completed())).applied).toBe(false);
    expectSame(await scene.find(), stands);
    const settled = await scene.finish(byRevision(stands), failed);
    expect(settled).toMatchObject({ state: 'FAILED', retryMs: 0, attempt: holder.attempt });
  },

  'a released record that is settled keeps nothing of its release': async (scene) => {
    for (const settlement of [completed(), failed, unknown]) {
      const key = keyOf(settlement.kind);
      const holder = await acquireWithPast(scene, key);
      const stands = await scene.finish(byToken(holder), released, { key });
      const settled = await scene.finish(byRevision(stands), settlement, { key });
      expect(settled.retryMs).toBe(0);
      expectSame({ ...(await scene.record({ key })), result: undefined }, { ...settled, result: undefined });
    }
  },

  'a revision guard settles only the revision that was seen': async (scene) => {
    const holder = await scene.acquire();
    const renewed = await scene.extend(byToken(holder));
    expect((await scene.settle(byRevision(holder), completed())).applied).toBe(false);
    expectSame(await scene.find(), renewed.record);
    await scene.finish(byRevision(renewed.record ?? holder), completed());
  },

  'a settle with another token is refused and shows what stands': async (scene) => {
    const holder = await scene.acquire();
    const written = await scene.settle({ kind: 'token', leaseToken: newToken() }, completed());
    expect(written.applied).toBe(false);
    expectSame(written.record, holder);
    expectSame(await scene.find(), holder);
  },

  'a settle of nothing, or of an expired record, writes nothing': async (scene) => {
    const nobody = byToken({ leaseToken: newToken() });
    expect(await scene.settle(nobody, completed())).toMatchObject({ applied: false, record: undefined });
    expect(await scene.find()).toBeUndefined();
    const holder = await scene.acquire();
    scene.setNow(holder.expireMs);
    expect((await scene.settle(byToken(holder), completed())).applied).toBe(false);
    expect((await scene.settle(byRevision(holder), completed())).applied).toBe(false);
    expectSame(await scene.find(), holder);
  },
};

const stamps = (scene: Scene, ttlMs: number) => ({
  updateMs: scene.now(),
  settleMs: scene.now(),
  ttlMs,
  expireMs: scene.now() + ttlMs,
  purgeMs: scene.now() + ttlMs + GRACE_MS,
});

/** Attempt 2, with a checkpoint and an error left by attempt 1. */
async function acquireWithPast(scene: Scene, key = scene.key): Promise<StoredRecord> {
  const first = await scene.acquire({ key });
  await scene.extend(byToken(first), { key, checkpoint: bytes('tx-9') });
  const before = await scene.finish(byToken(first), released, { key });
  return scene.acquire({ key, expected: before.revision });
}
