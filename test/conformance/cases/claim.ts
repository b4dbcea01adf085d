// Claiming: who gets the lease, and what the record looks like then.

import { expect } from 'vitest';
import { durationMs } from '../../../storage/contract/index.ts';
import {
  byToken,
  bytes,
  completed,
  expectSame,
  failed,
  keyOf,
  newNamespace,
  newToken,
  released,
  unknown,
} from '../scene.ts';
import type { Cases } from '../scene.ts';

export const claimCases: Cases = {
  'a claim on an empty key is applied as attempt 1': async (scene) => {
    const result = await scene.claim();
    expect(result).toMatchObject({ applied: true, nowMs: scene.now(), replacedExpired: false });
    expect(result.record).toMatchObject({ state: 'IN_PROGRESS', attempt: 1 });
  },

  'a claim on a record that stands is refused and shows what stands': async (scene) => {
    const holder = await scene.acquire();
    const result = await scene.claim();
    expect(result).toMatchObject({ applied: false, nowMs: scene.now(), replacedExpired: false });
    expectSame(result.record, holder);
    expectSame(await scene.find(), holder);
  },

  'a claim on a lapsed lease is refused when it expects an empty key': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.leaseExpireMs);
    expect((await scene.claim()).applied).toBe(false);
  },

  'a claim that lost against an outcome carries its result, byte for byte': async (scene) => {
    const holder = await scene.acquire();
    await scene.finish(byToken(holder), completed(bytes('receipt 7')));
    const result = await scene.claim();
    expect(result.applied).toBe(false);
    expectSame(result.record?.result, bytes('receipt 7'));
  },

  'a claim by revision is the next attempt and keeps creation time, error and checkpoint': async (scene) => {
    const first = await scene.acquire();
    await scene.extend(byToken(first), { checkpoint: bytes('tx-9') });
    const before = await scene.finish(byToken(first), released);
    scene.advance(1_000);
    const next = await scene.acquire({ expected: before.revision });
    expect(next).toMatchObject({ attempt: 2, createMs: first.createMs, holdStartMs: scene.now() });
    expectSame(next.checkpoint, bytes('tx-9'));
    expectSame(next.error, before.error);
  },

  'a takeover of a lapsed lease by revision hands the checkpoint on': async (scene) => {
    const first = await scene.acquire();
    const saved = await scene.extend(byToken(first), { checkpoint: bytes('tx-9') });
    scene.advance(LEASE_AND_MORE_MS);
    const next = await scene.acquire({ expected: saved.record?.revision ?? 0 });
    expect(next.attempt).toBe(2);
    expect(next.leaseToken).not.toBe(first.leaseToken);
    expectSame(next.checkpoint, bytes('tx-9'));
  },

  'a claim by revision takes the new fingerprints, labels, owner, attempt id and ttl': async (scene) => {
    const first = await scene.acquire();
    const before = await scene.finish(byToken(first), released);
    const asked = scene.claimRequest({
      expected: before.revision,
      fingerprints: [{ scheme: 'other', digest: bytes('d2') }],
      labels: { other: 'label' },
      owner: 'worker-2',
      retention: { ttlMs: durationMs(5_555_000), graceMs: durationMs(1_000) },
    });
    const next = await scene.acquire(asked);
    const { fingerprints, labels, owner, attemptId, leaseToken } = asked;
    expectSame(next, { ...next, fingerprints, labels, owner, attemptId, leaseToken, ttlMs: 5_555_000 });
  },

  'a claim by revision clears what the settled attempt left: its retry time, its digest, its settle time': async (
    scene,
  ) => {
    const first = await scene.acquire();
    const before = await scene.finish(byToken(first), released);
    const next = await scene.acquire({ expected: before.revision });
    expect(next).toMatchObject({ state: 'IN_PROGRESS', retryMs: 0, settleMs: 0, settleDigest: '' });
  },

  'a claim by a revision that has passed changes nothing': async (scene) => {
    const first = await scene.acquire();
    const renewed = await scene.extend(byToken(first));
    const result = await scene.claim({ expected: first.revision });
    expect(result.applied).toBe(false);
    expectSame(result.record, renewed.record);
    expectSame(await scene.find(), renewed.record);
  },

  'a claim by revision on an empty key writes nothing': async (scene) => {
    expect(await scene.claim({ expected: scene.now() })).toMatchObject({ applied: false, record: undefined });
    expect(await scene.find()).toBeUndefined();
  },

  'a claim by revision on an expired record writes nothing': async (scene) => {
    const first = await scene.acquire();
    scene.setNow(first.expireMs);
    const result = await scene.claim({ expected: first.revision });
    expect(result).toMatchObject({ applied: false, replacedExpired: false });
    expectSame(await scene.find(), first);
  },

  'a claim on an expired outcome starts over and says that a retry came too late': async (scene) => {
    const first = await scene.acquire();
    await scene.extend(byToken(first), { checkpoint: bytes('tx-9') });
    const outcome = await scene.finish(byToken(first), completed());
    scene.setNow(outcome.expireMs);
    const result = await scene.claim({ fingerprints: [], labels: {} });
    expect(result).toMatchObject({ applied: true, replacedExpired: true });
    expectSame(result.record, {
      ...result.record,
      state: 'IN_PROGRESS',
      attempt: 1,
      fingerprints: [],
      labels: {},
      createMs: scene.now(),
      checkpoint: undefined,
      error: undefined,
      retryMs: 0,
      settleMs: 0,
      settleDigest: '',
      result: undefined,
      resultBytes: 0,
      resultDropped: false,
      resultExpireMs: 0,
      contentType: '',
      contentEncoding: '',
      outcomeLabels: {},
    });
    expectSame(await scene.find(), result.record);
  },

  'a claim on an expired failure forgets its error': async (scene) => {
    const first = await scene.acquire();
    const outcome = await scene.finish(byToken(first), failed);
    scene.setNow(outcome.expireMs);
    const result = await scene.claim();
    expect(result).toMatchObject({ applied: true, replacedExpired: true });
    expect(result.record?.error).toBeUndefined();
  },

  'an attempt says how it came to be, and goes on saying it: fresh, late, after a release, taken over': async (
    scene,
  ) => {
    const fresh = await scene.acquire();
    expect(fresh.attemptOrigin).toBe('FRESH');
    const before = await scene.finish(byToken(fresh), released);
    const retry = await scene.acquire({ expected: before.revision });
    expect(retry.attemptOrigin).toBe('RELEASED');
    scene.setNow(retry.leaseExpireMs);
    const takenOver = await scene.acquire({ expected: retry.revision });
    expect(takenOver.attemptOrigin).toBe('TAKEN_OVER');
    const outcome = await scene.finish(byToken(takenOver), completed());
    expect(outcome.attemptOrigin).toBe('TAKEN_OVER');
    scene.setNow(outcome.expireMs);
    const late = await scene.acquire();
    expect(late.attemptOrigin).toBe('LATE_RETRY');
    expect((await scene.extend(byToken(late))).record?.attemptOrigin).toBe('LATE_RETRY');
  },

  'an attempt on an unknown outcome is a takeover too': async (scene) => {
    const held = await scene.finish(byToken(await scene.acquire()), unknown);
    expect((await scene.acquire({ expected: held.revision })).attemptOrigin).toBe('TAKEN_OVER');
  },

  'a takeover is no late retry': async (scene) => {
    const first = await scene.acquire();
    scene.setNow(first.leaseExpireMs);
    expect(await scene.claim({ expected: first.revision })).toMatchObject({ applied: true, replacedExpired: false });
  },

  'the same key in two namespaces never meets': async (scene) => {
    const mine = await scene.acquire();
    const namespace = newNamespace();
    const theirs = await scene.acquire({ namespace, owner: 'somebody else' });
    expect(theirs.attempt).toBe(1);
    await scene.finish(byToken(theirs), completed(bytes('theirs')), { namespace });
    expectSame(await scene.find(), mine);
    expect((await scene.settle(byToken(theirs), completed())).applied).toBe(false);
  },

  'a namespace and key whose texts join alike stay apart': async (scene) => {
    const left = await scene.acquire({ namespace: scene.namespace, key: keyOf('/a/b') });
    const right = await scene.claim({ namespace: `${scene.namespace}/a` as typeof scene.namespace, key: keyOf('/b') });
    expect(right.applied).toBe(true);
    expect(right.record?.leaseToken).not.toBe(left.leaseToken);
  },

  'a claim names the token that it was given, never one of its own': async (scene) => {
    const leaseToken = newToken();
    expect((await scene.acquire({ leaseToken })).leaseToken).toBe(leaseToken);
    expect((await scene.find())?.leaseToken).toBe(leaseToken);
  },
};

const LEASE_AND_MORE_MS = 45_000;
