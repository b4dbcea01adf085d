// Many different writes at once on one key: whatever order the store chose, it chose one. Revisions tell which, and each
// applied write must be exactly what the contract makes of the one before it.

import { expect } from 'vitest';
import {
  applyClaim,
  applyExtend,
  applySettle,
  durationMs,
  type Settlement,
  type StoredRecord,
  type Written,
} from '../../../storage/contract/index.ts';
import { byRevision, byToken, bytes, completed, expectSame, failed, newToken, released, unknown } from '../scene.ts';
import { GRACE_MS, HOLD_MS_MAX, LEASE_MS, ORPHAN_TTL_MS, TTL_MS, type Cases, type Scene } from '../scene.ts';

type Apply = (standing: StoredRecord | undefined) => StoredRecord | undefined;

/** A write under way, and what it would make of any record. */
interface Write {
  readonly answer: Promise<Written>;
  readonly apply: Apply;
}

export const chainCases: Cases = {
  'renewals and checkpoints by one token at once: all applied, one after the other': async (scene) => {
    const holder = await scene.acquire();
    const writes = Array.from({ length: 60 }, (_, index) => extend(scene, byToken(holder), index));
    expect(await expectChain(scene, holder, writes)).toBe(60);
  },

  'what is asked at once with a removal and a new claim is answered with the record that it wrote': async (scene) => {
    for (const isByToken of [true, false]) {
      const former = await scene.acquire();
      const leaseToken = newToken();
      scene.advance(1);
      const guard = isByToken ? byToken({ leaseToken }) : byRevision(former);
      const removal = scene.remove(former.revision, true);
      const [claimed, renewed] = await Promise.all([scene.claim({ leaseToken }), scene.extend(guard), removal]);
      const standing = await scene.find();
      if (renewed.applied) expectSame(renewed.record, standing);
      else if (claimed.applied) expectSame(claimed.record, standing);
      scene.setNow((standing?.revision ?? 0) + 1);
      await scene.remove(standing?.revision ?? 0, true);
    }
  },

  'renewals, releases, takeovers and outcomes at once on what is held': async (scene) => {
    const holder = await scene.acquire();
    const writes = Array.from({ length: 12 }, (_, index) => [
      extend(scene, byToken(holder), index),
      settle(scene, byToken(holder), index % 4 === 0 ? released : unknown),
      claim(scene, holder.revision + index),
      settle(scene, byRevision({ revision: holder.revision + index }), failed),
      claim(scene, 'absent'),
    ]).flat();
    expect(await expectChain(scene, holder, writes)).toBeGreaterThan(0);
  },

  'operators, holders and takers at once on what was released': async (scene) => {
    const before = await scene.finish(byToken(await scene.acquire()), released);
    const writes = Array.from({ length: 12 }, (_, index) => [
      claim(scene, before.revision),
      settle(scene, byRevision(before), index % 2 === 0 ? failed : released),
      settle(scene, byToken(before), completed()),
      extend(scene, byRevision(before), index),
    ]).flat();
    expect(await expectChain(scene, before, writes)).toBe(1);
  },

  'first claims, and claims over what expired, with everything else at once': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.expireMs);
    const writes = Array.from({ length: 12 }, (_, index) => [
      claim(scene, holder.revision),
      extend(scene, byToken(holder), index),
      claim(scene, 'absent'),
      settle(scene, byToken(holder), completed()),
    ]).flat();
    expect(await expectChain(scene, holder, writes)).toBe(1);
  },
};

function claim(scene: Scene, expected: 'absent' | number): Write {
  const request = scene.claimRequest({ expected, leaseToken: newToken() });
  return { answer: scene.claim(request), apply: (standing) => applyClaim(request, standing, scene.now()) };
}

function extend(scene: Scene, guard: Parameters<Scene['extend']>[0], index: number): Write {
  const checkpoint = bytes(`checkpoint ${index}`);
  const leaseMs = durationMs(LEASE_MS + index);
  const deadlines = { leaseMs, holdMsMax: HOLD_MS_MAX, orphanTtlMs: ORPHAN_TTL_MS, graceMs: GRACE_MS };
  return {
    answer: scene.extend(guard, { leaseMs, checkpoint }),
    apply: (standing) => applyExtend({ ...scene.id, guard, checkpoint, ...deadlines }, standing, scene.now()),
  };
}

function settle(scene: Scene, guard: Parameters<Scene['settle']>[0], settlement: Settlement): Write {
  const request = { ...scene.id, guard, settlement, settleDigest: newToken(), ttlMs: TTL_MS, graceMs: GRACE_MS };
  return {
    answer: scene.settle(guard, settlement, { settleDigest: request.settleDigest }),
    apply: (standing) => applySettle(request, standing, scene.now()),
  };
}

/** How many were applied. Each of them made what the contract makes of its predecessor; the others saw one of
 * them, and did not fit it. */
async function expectChain(scene: Scene, first: StoredRecord, writes: readonly Write[]): Promise<number> {
  const answered = await Promise.all(writes.map(async ({ answer, apply }) => ({ apply, ...(await answer) })));
  const applied = answered
    .filter((write) => write.applied)
    .toSorted((a, b) => (a.record?.revision ?? 0) - (b.record?.revision ?? 0));
  const chain: StoredRecord[] = [first];
  for (const { apply, record } of applied) {
    const made = apply(chain.at(-1));
    expectSame(record, made === undefined ? 'nothing, as its guard does not fit' : { ...made, result: undefined });
    if (made !== undefined) chain.push(made);
  }
  for (const { apply, record } of answered.filter((write) => !write.applied)) {
    const judged = chain.find((link) => link.revision === record?.revision);
    expectSame(record, judged);
    expect(apply(judged), 'a refused write did not fit what it shows').toBeUndefined();
  }
  expectSame(await scene.find(), chain.at(-1));
  return applied.length;
}
