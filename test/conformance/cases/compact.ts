// Compaction: what is due goes, oldest first and bounded; what is not due stays.

import { expect } from 'vitest';
import { durationMs, epochMs, type CompactRequest, type StoredRecord } from '../../../storage/contract/index.ts';
import { byToken, bytes, completed, drain, expectSame, failed, keyOf, newNamespace, released } from '../scene.ts';
import { RESULT_TTL_MS, unknown, type Cases, type Scene } from '../scene.ts';

export const compactCases: Cases = {
  'with nothing due nothing happens': async (scene) => {
    await drain(scene.store);
    const holder = await scene.acquire();
    expect(await compact(scene)).toEqual({
      nowMs: scene.now(),
      resultsDropped: 0,
      recordsRemoved: 0,
      more: false,
      lagMs: 0,
    });
    expectSame(await scene.find(), holder);
  },

  'a tombstone keeps everything but the bytes, and still dedupes': async (scene) => {
    await drain(scene.store);
    await scene.finish(byToken(await scene.acquire()), completed(bytes('paid')));
    const before = await scene.record();
    scene.setNow(before.resultExpireMs);
    expect(await compact(scene)).toMatchObject({ resultsDropped: 1, recordsRemoved: 0, more: false, lagMs: 0 });
    const tombstone = await scene.record();
    expectSame(tombstone, {
      ...before,
      revision: before.revision + 1,
      result: undefined,
      resultDropped: true,
      resultExpireMs: epochMs(0),
    });
    const claim = await scene.claim();
    expect(claim.applied).toBe(false);
    expectSame(claim.record, tombstone);
  },

  'a tombstone is made once and removed in its time': async (scene) => {
    await drain(scene.store);
    const outcome = await scene.finish(byToken(await scene.acquire()), completed());
    scene.setNow(outcome.resultExpireMs);
    await compact(scene);
    expect(await compact(scene)).toMatchObject({ resultsDropped: 0, recordsRemoved: 0 });
    scene.setNow(outcome.purgeMs);
    expect(await compact(scene)).toMatchObject({ resultsDropped: 0, recordsRemoved: 1 });
    expect(await scene.find()).toBeUndefined();
  },

  'results go oldest first, never more than the limit, and the next call goes on': async (scene) => {
    await drain(scene.store);
    const outcomes = await completeMany(scene, 7);
    scene.advance(RESULT_TTL_MS);
    expect(await compact(scene, { limit: 3 })).toMatchObject({ resultsDropped: 3, recordsRemoved: 0, more: true });
    expect(await droppedOf(scene, outcomes)).toEqual([true, true, true, false, false, false, false]);
    expect(await compact(scene, { limit: 3 })).toMatchObject({ resultsDropped: 3, more: true });
    expect(await compact(scene, { limit: 3 })).toMatchObject({ resultsDropped: 1, more: false, lagMs: 0 });
    expect(await droppedOf(scene, outcomes)).toEqual(outcomes.map(() => true));
  },

  'records go oldest first, never more than the limit, and the next call goes on': async (scene) => {
    await drain(scene.store);
    const holders = await acquireMany(scene, 7);
    scene.setNow(holders.at(-1)?.purgeMs ?? 0);
    expect(await compact(scene, { limit: 3 })).toMatchObject({ resultsDropped: 0, recordsRemoved: 3, more: true });
    expect(await presentOf(scene, holders)).toEqual([false, false, false, true, true, true, true]);
    expect(await compact(scene, { limit: 4 })).toMatchObject({ recordsRemoved: 4, more: false, lagMs: 0 });
    expect(await presentOf(scene, holders)).toEqual(holders.map(() => false));
  },

  'results and records together stay within the limit until all is done': async (scene) => {
    await drain(scene.store);
    const holders = await acquireMany(scene, 9);
    scene.setNow((holders.at(-1)?.purgeMs ?? 0) - RESULT_TTL_MS);
    const outcomes = await completeMany(scene, 9, 'outcome');
    scene.advance(RESULT_TTL_MS);
    const totals = await compactAll(scene, { limit: 4 });
    expect(totals).toEqual({ resultsDropped: 9, recordsRemoved: 9 });
    expect(await presentOf(scene, holders)).toEqual(holders.map(() => false));
    expect(await droppedOf(scene, outcomes)).toEqual(outcomes.map(() => true));
  },

  'the lag is how long the oldest work that is left has been due': async (scene) => {
    await drain(scene.store);
    const outcomes = await completeMany(scene, 3);
    scene.setNow((outcomes.at(-1)?.resultExpireMs ?? 0) + 5_000);
    const { lagMs } = await compact(scene, { limit: 1 });
    expect(lagMs).toBe(scene.now() - (outcomes[1]?.resultExpireMs ?? 0));
    expect(await compact(scene)).toMatchObject({ lagMs: 0, more: false });
  },

  'a record past its purge has been due since its result was': async (scene) => {
    await drain(scene.store);
    const [, next] = await completeMany(scene, 2);
    scene.setNow(next?.purgeMs ?? 0);
    const lagMs = scene.now() - (next?.resultExpireMs ?? 0);
    expect(await compact(scene, { limit: 1 })).toMatchObject({ recordsRemoved: 1, lagMs });
  },

  'a live lease and an outcome within its time stay, however much is due around them': async (scene) => {
    await drain(scene.store);
    const due = await acquireMany(scene, 20, 'due');
    scene.setNow(due.at(-1)?.purgeMs ?? 0);
    const held = await scene.acquire({ key: keyOf('held') });
    await scene.finish(byToken(await scene.acquire({ key: keyOf('done') })), completed(), { key: keyOf('done') });
    const done = await scene.record({ key: keyOf('done') });
    expect(await compactAll(scene, { limit: 6 })).toEqual({ resultsDropped: 0, recordsRemoved: 20 });
    expectSame(await scene.find({ key: keyOf('held') }), held);
    expectSame(await scene.find({ key: keyOf('done') }), done);
  },

  'a lease that was renewed in time is not dropped at its first deadline': async (scene) => {
    await drain(scene.store);
    const holder = await scene.acquire();
    scene.setNow(holder.expireMs - 1);
    const renewed = await scene.extend(byToken(holder));
    scene.setNow(holder.purgeMs);
    expect(await compact(scene)).toMatchObject({ recordsRemoved: 0 });
    expectSame(await scene.find(), renewed.record);
  },

  'an unknown outcome that was renewed is removed in its time, and the key begins anew': async (scene) => {
    await drain(scene.store);
    const unsure = await scene.finish(byToken(await scene.acquire()), unknown);
    await scene.extend(byToken(unsure));
    scene.setNow(unsure.purgeMs);
    expect(await compact(scene)).toMatchObject({ recordsRemoved: 1 });
    expect(await scene.find()).toBeUndefined();
    const holder = await scene.acquire();
    expect(holder.attemptOrigin).toBe('FRESH');
    const { record } = await scene.extend(byToken(holder), { checkpoint: bytes('tx-9') });
    expectSame(await scene.find(), record);
  },

  'a key that was claimed anew is not dropped at its former deadline': async (scene) => {
    await drain(scene.store);
    const outcome = await scene.finish(byToken(await scene.acquire()), completed());
    scene.setNow(outcome.expireMs);
    const again = await scene.acquire();
    scene.setNow(outcome.purgeMs);
    expect(await compact(scene)).toMatchObject({ resultsDropped: 0, recordsRemoved: 0 });
    expectSame(await scene.find(), again);
  },

  'an orphan that ends unknown goes at its new purge, also when that is sooner than it was': async (scene) => {
    await drain(scene.store);
    const orphan = await scene.acquire();
    scene.setNow(orphan.leaseExpireMs);
    expect(await compact(scene)).toMatchObject({ recordsRemoved: 0 });
    const outcome = await scene.finish(byToken(orphan), unknown);
    expect(outcome.purgeMs).toBeLessThan(orphan.purgeMs);
    scene.setNow(outcome.purgeMs);
    expect(await compact(scene)).toMatchObject({ recordsRemoved: 1 });
    expect(await scene.find()).toBeUndefined();
  },

  'an orphan whose lease is given anew for a shorter time goes at its new purge': async (scene) => {
    await drain(scene.store);
    const orphan = await scene.acquire();
    scene.setNow(orphan.leaseExpireMs);
    expect(await compact(scene)).toMatchObject({ recordsRemoved: 0 });
    const shorter = { leaseMs: durationMs(1), orphanTtlMs: durationMs(1), graceMs: durationMs(1) };
    const { record, applied } = await scene.extend({ kind: 'revision', revision: orphan.revision }, shorter);
    expect(applied).toBe(true);
    expect(record?.purgeMs).toBeLessThan(orphan.purgeMs);
    scene.setNow(record?.purgeMs ?? orphan.purgeMs);
    expect(await compact(scene)).toMatchObject({ recordsRemoved: 1 });
    expect(await scene.find()).toBeUndefined();
  },

  'failed, released, unknown and abandoned records go at their purge too': async (scene) => {
    await drain(scene.store);
    for (const settlement of [failed, released, unknown]) {
      const key = keyOf(settlement.kind);
      await scene.finish(byToken(await scene.acquire({ key })), settlement, { key });
    }
    const abandoned = await scene.acquire();
    scene.setNow(abandoned.purgeMs);
    expect(await compact(scene)).toMatchObject({ recordsRemoved: 4, more: false });
  },

  'excepted namespaces are left alone and are no reason to call again': async (scene) => {
    await drain(scene.store);
    const archived = newNamespace();
    const kept = await scene.acquire({ namespace: archived });
    const gone = await scene.acquire();
    scene.setNow(gone.purgeMs);
    const result = await compact(scene, { exceptNamespaces: [archived, newNamespace()] });
    expect(result).toMatchObject({ recordsRemoved: 1, more: false, lagMs: 0 });
    expectSame(await scene.find({ namespace: archived }), kept);
    expect(await compact(scene, { exceptNamespaces: [] })).toMatchObject({ recordsRemoved: 1 });
  },

  'an excepted namespace does not use up the limit': async (scene) => {
    await drain(scene.store);
    const archived = newNamespace();
    for (const name of ['a', 'b', 'c']) await scene.acquire({ namespace: archived, key: keyOf(name) });
    scene.advance(1);
    const gone = await scene.acquire();
    scene.setNow(gone.purgeMs);
    expect(await compact(scene, { limit: 1, exceptNamespaces: [archived] })).toMatchObject({ recordsRemoved: 1 });
    expect(await scene.find()).toBeUndefined();
  },

  'with no time at all each call touches one record or more, and says that there is more': async (scene) => {
    await drain(scene.store);
    const holders = await acquireMany(scene, 7);
    scene.setNow(holders.at(-1)?.purgeMs ?? 0);
    expect(await compactAll(scene, { msMax: 0 })).toEqual({ resultsDropped: 0, recordsRemoved: 7 });
  },

  'two compactions at once count each record once': async (scene) => {
    await drain(scene.store);
    const holders = await acquireMany(scene, 40);
    scene.setNow(holders.at(-1)?.purgeMs ?? 0);
    const results = await Promise.all([compact(scene), compact(scene), compact(scene)]);
    expect(results.reduce((sum, result) => sum + result.recordsRemoved, 0)).toBe(40);
  },

  'compaction at the same time as new claims on what it removes never takes a new lease': async (scene) => {
    await drain(scene.store);
    const holders = await acquireMany(scene, 40);
    scene.setNow(holders.at(-1)?.purgeMs ?? 0);
    const claims = holders.map((holder) => scene.acquire({ key: holder.key }));
    const [grants] = await Promise.all([Promise.all(claims), compact(scene), compact(scene)]);
    for (const grant of grants) expectSame(await scene.find({ key: grant.key }), grant);
  },
};

const compact = (scene: Scene, over: Partial<CompactRequest> = {}) =>
  scene.store.compact({ limit: 1_000, ...over }, scene.at());

async function compactAll(scene: Scene, over: Partial<CompactRequest>) {
  const totals = { resultsDropped: 0, recordsRemoved: 0 };
  for (let round = 0; round < 100; round += 1) {
    const { resultsDropped, recordsRemoved, more } = await compact(scene, over);
    expect(resultsDropped + recordsRemoved).toBeLessThanOrEqual(over.limit ?? Infinity);
    expect(resultsDropped + recordsRemoved).toBeGreaterThan(more ? 0 : -1);
    totals.resultsDropped += resultsDropped;
    totals.recordsRemoved += recordsRemoved;
    if (!more) return totals;
  }
  throw new Error('compaction does not end');
}

/** Held records, one a millisecond, oldest first. */
async function acquireMany(scene: Scene, count: number, prefix = 'key'): Promise<readonly StoredRecord[]> {
  const records: StoredRecord[] = [];
  // Names run against age, so that an order by key is not mistaken for one by age.
  for (let index = count; index > 0; index -= 1) {
    scene.advance(1);
    records.push(await scene.acquire({ key: keyOf(`${prefix}-${index}`) }));
  }
  return records;
}

async function completeMany(scene: Scene, count: number, prefix?: string): Promise<readonly StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (const holder of await acquireMany(scene, count, prefix)) {
    scene.advance(1);
    const ttlMs = durationMs(RESULT_TTL_MS * 2);
    records.push(await scene.finish(byToken(holder), completed(), { key: holder.key, ttlMs }));
  }
  return records;
}

const droppedOf = (scene: Scene, records: readonly StoredRecord[]): Promise<readonly boolean[]> =>
  Promise.all(records.map(async ({ key }) => (await scene.record({ key })).resultDropped));

const presentOf = (scene: Scene, records: readonly StoredRecord[]): Promise<readonly boolean[]> =>
  Promise.all(records.map(async ({ key }) => (await scene.find({ key })) !== undefined));
