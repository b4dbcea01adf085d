// Every field of a record, written out by hand for each stage of its life, so that no column can be forgotten or mixed
// up. Written out once more than writes.ts does it: a mistake there must not agree with itself here.

import {
  durationMs,
  epochMs,
  type EpochMs,
  type IntentError,
  type StoredRecord,
} from '../../../storage/contract/index.ts';
import { bytes, expectSame, keyOf, type Cases, type Scene } from '../scene.ts';

const key = keyOf('every field');
const fingerprints = [
  { scheme: 'jcs-sha256-v1', digest: bytes('digest one') },
  { scheme: 'jcs-sha256-v2', digest: Uint8Array.of(0, 255, 128, 10) },
];
const labels = { team: 'payments', region: 'eu' };
const error: IntentError = {
  code: 'PROVIDER_BUSY',
  message: 'the provider is busy',
  detail: Uint8Array.of(7, 0, 9),
  contentType: 'application/problem+json',
};

export const fieldCases: Cases = {
  'claimed: every field': async (scene) => {
    const record = claimed(scene);
    await claim(scene);
    await expectStored(scene, record);
  },

  'extended with a checkpoint: every field': async (scene) => {
    const record = extended(scene);
    await claim(scene);
    await extend(scene);
    await expectStored(scene, record);
  },

  'completed: every field': async (scene) => {
    const record = completed(extended(scene));
    await claim(scene);
    await extend(scene);
    await complete(scene);
    await expectStored(scene, record);
  },

  'completed and its bytes dropped: every field': async (scene) => {
    const outcome = completed(extended(scene));
    await claim(scene);
    await extend(scene);
    await complete(scene);
    scene.setNow(outcome.resultExpireMs);
    await scene.store.compact({ limit: 1_000 }, scene.at());
    await expectStored(scene, {
      ...outcome,
      revision: outcome.revision + 1,
      result: undefined,
      resultDropped: true,
      resultExpireMs: epochMs(0),
    });
  },

  'failed: every field': async (scene) => {
    const record = { ...settled(extended(scene)), state: 'FAILED' as const, error, checkpoint: undefined };
    await claim(scene);
    await extend(scene);
    await settle(scene, { kind: 'failed', error });
    await expectStored(scene, record);
  },

  'of unknown outcome: every field': async (scene) => {
    const record = { ...settled(extended(scene)), state: 'UNKNOWN' as const, error, ttlMs: durationMs(33_000_000) };
    await claim(scene);
    await extend(scene);
    await settle(scene, { kind: 'unknown', error });
    await expectStored(scene, record);
  },

  'released: every field': async (scene) => {
    const record = released(extended(scene));
    await claim(scene);
    await extend(scene);
    await settle(scene, { kind: 'released', error, retryAfterMs: durationMs(44_000) });
    await expectStored(scene, record);
  },

  'claimed again after a release: every field': async (scene) => {
    const before = released(extended(scene));
    await claim(scene);
    await extend(scene);
    await settle(scene, { kind: 'released', error, retryAfterMs: durationMs(44_000) });
    scene.advance(9_000);
    const next: StoredRecord = {
      ...claimed(scene),
      attempt: 2,
      attemptId: 'attempt-two',
      attemptOrigin: 'RELEASED',
      owner: 'worker-8',
      checkpoint: before.checkpoint,
      error,
      createMs: before.createMs,
    };
    await claim(scene, { expected: before.revision, attemptId: next.attemptId, owner: next.owner });
    await expectStored(scene, next);
  },
};

type Settlement = Parameters<Scene['settle']>[1];

const TOKEN = '0123456789abcdef0123456789abcdef' as StoredRecord['leaseToken'];
const guard = { kind: 'token', leaseToken: TOKEN } as const;

const claim = (scene: Scene, over?: Parameters<Scene['claim']>[0]) =>
  scene.acquire({
    key,
    fingerprints,
    labels,
    attemptId: 'attempt-one',
    owner: 'worker-7',
    leaseToken: TOKEN,
    leaseMs: durationMs(11_000),
    orphanTtlMs: durationMs(22_000_000),
    retention: { ttlMs: durationMs(33_000_000), graceMs: durationMs(4_000_000) },
    ...over,
  });

async function extend(scene: Scene): Promise<void> {
  scene.advance(1_000);
  const checkpoint = bytes('tx-9');
  const leaseMs = durationMs(12_000);
  const orphanTtlMs = durationMs(23_000_000);
  await scene.extend(guard, { key, leaseMs, orphanTtlMs, graceMs: durationMs(5_000_000), checkpoint });
}

async function settle(scene: Scene, settlement: Settlement): Promise<void> {
  scene.advance(2_000);
  const ttlMs = durationMs(34_000_000);
  await scene.finish(guard, settlement, { key, settleDigest: 'a1b2', ttlMs, graceMs: durationMs(6_000_000) });
}

const complete = (scene: Scene) =>
  settle(scene, {
    kind: 'completed',
    result: bytes('{"charge":"ch_1"}'),
    contentType: 'application/json',
    contentEncoding: 'gzip',
    labels: { receipt: 'r-1', currency: 'EUR' },
    resultTtlMs: durationMs(555_000),
  });

/** As claimed at the scene's clock. */
function claimed(scene: Scene): StoredRecord {
  const nowMs = scene.now();
  return {
    namespace: scene.namespace,
    key,
    state: 'IN_PROGRESS',
    revision: nowMs,
    fingerprints,
    labels,
    attempt: 1,
    attemptId: 'attempt-one',
    attemptOrigin: 'FRESH',
    owner: 'worker-7',
    leaseToken: TOKEN,
    fencingToken: nowMs,
    leaseExpireMs: after(nowMs, 11_000),
    holdStartMs: nowMs,
    checkpoint: undefined,
    error: undefined,
    retryMs: epochMs(0),
    result: undefined,
    resultBytes: 0,
    resultDropped: false,
    contentType: '',
    contentEncoding: '',
    outcomeLabels: {},
    settleDigest: '',
    createMs: nowMs,
    updateMs: nowMs,
    settleMs: epochMs(0),
    ttlMs: durationMs(33_000_000),
    expireMs: after(nowMs, 22_011_000),
    resultExpireMs: epochMs(0),
    purgeMs: after(nowMs, 26_011_000),
  };
}

/** As claimed at the scene's clock and extended 1,000 ms later. */
function extended(scene: Scene): StoredRecord {
  const before = claimed(scene);
  return {
    ...before,
    revision: before.revision + 1,
    checkpoint: bytes('tx-9'),
    updateMs: after(before.updateMs, 1_000),
    leaseExpireMs: after(before.updateMs, 13_000),
    expireMs: after(before.updateMs, 23_013_000),
    purgeMs: after(before.updateMs, 28_013_000),
  };
}

/** What every settlement stamps, 2,000 ms after the write before. */
function settled(before: StoredRecord): StoredRecord {
  const nowMs = after(before.updateMs, 2_000);
  return {
    ...before,
    revision: before.revision + 1,
    settleDigest: 'a1b2',
    updateMs: nowMs,
    settleMs: nowMs,
    ttlMs: durationMs(34_000_000),
    expireMs: after(nowMs, 34_000_000),
    purgeMs: after(nowMs, 40_000_000),
  };
}

function completed(before: StoredRecord): StoredRecord {
  const record = settled(before);
  return {
    ...record,
    state: 'COMPLETED',
    result: bytes('{"charge":"ch_1"}'),
    resultBytes: 17,
    contentType: 'application/json',
    contentEncoding: 'gzip',
    outcomeLabels: { receipt: 'r-1', currency: 'EUR' },
    resultExpireMs: after(record.settleMs, 555_000),
    checkpoint: undefined,
  };
}

function released(before: StoredRecord): StoredRecord {
  const record = settled(before);
  return { ...record, state: 'RELEASED', error, retryMs: after(record.settleMs, 44_000) };
}

const after = (instant: EpochMs, ms: number): EpochMs => epochMs(instant + ms);

/** Read back and listed, it is the record that was expected. */
async function expectStored(scene: Scene, expected: StoredRecord): Promise<void> {
  expectSame(await scene.find({ key }), expected);
  const [found] = await scene.list();
  if (found === undefined) throw new Error('the record is not listed');
  const { leaseToken: _found, ...listed } = found;
  const { leaseToken: _expected, ...wanted } = expected;
  expectSame(listed, { ...wanted, result: undefined });
}
