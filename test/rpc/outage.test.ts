// A store that goes away, in a namespace that rejects. One that goes on: features/outage.ts.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { OnStoreOutage } from '../../proto/gen/onced/v1/admin_pb.js';
import { createBreaker } from '../../server/breaker.ts';
import { openJournal } from '../../server/journal/journal.ts';
import { limits } from '../../server/limits.ts';
import { createOutage } from '../../server/outage.ts';
import { DEFAULT_POLICY, type Policy } from '../../server/policy.ts';
import {
  durationMs,
  StoreError,
  type Key,
  type LeaseToken,
  type Namespace,
  type Store,
} from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { faultyStore } from '../support/faulty-store.ts';
import { startLoopClock } from '../support/loop-clock.ts';
import { makeFolder } from '../support/onced.ts';
import { openManaged } from './managed.ts';
import { openOutage } from './outage-scene.ts';
import { bytes, ms, refusal } from './scene.ts';

describe('while the store is down, a namespace that rejects', () => {
  const asking = { requireIssuedKey: true, inProgressMax: 1000 };
  test.each([
    { how: 'down', policy: {}, unawareMsMax: 100 },
    { how: 'hanging', policy: {}, unawareMsMax: 500 },
    { how: 'down', policy: asking, unawareMsMax: 100 },
    { how: 'hanging', policy: asking, unawareMsMax: 500 },
  ] as const)(
    'answers each begin UNAVAILABLE within 100 ms, and nothing ran ($how, $policy)',
    async ({ how, policy, unawareMsMax }) => {
      await using outage = await openOutage(openManaged, policy);
      const { scene, faulty } = outage;
      const { keys } = await scene.client.issueKeys({ namespace: scene.namespace, count: 71 });
      const writes = faulty.writes();
      using clock = startLoopClock();
      const refusedMs = async (key = ''): Promise<number> => {
        const fromMs = clock.nowMs();
        const refused = await refusal(scene.begin({ key }));
        expect(refused).toMatchObject({ code: Code.UNAVAILABLE, reason: 'STORE_UNAVAILABLE' });
        expect(refused.retryMs).toBeGreaterThan(0);
        return clock.nowMs() - fromMs;
      };
      faulty.set(how);
      const unaware = await Promise.all(keys.slice(0, 20).map(refusedMs));
      expect(Math.max(...unaware)).toBeLessThan(unawareMsMax);
      for (const key of keys.slice(20, 70)) expect(await refusedMs(key)).toBeLessThan(100);
      expect(faulty.writes()).toBe(writes);
      faulty.set('up');
      await expect
        .poll(async () => (await scene.begin({ key: keys[70] ?? '' }).catch(() => undefined))?.outcome.case, {
          timeout: 5000,
        })
        .toBe('acquired');
    },
    30_000,
  );
});

test('a store that has failed a call and then says nothing is given up within 100 ms', async () => {
  await using outage = await openOutage(openManaged, {});
  const { scene, faulty } = outage;
  faulty.set('down');
  await refusal(scene.begin({ key: 'first' }));
  faulty.set('hanging');
  using clock = startLoopClock();
  const keys = Array.from({ length: 10 }, (_, index) => `next-${index}`);
  await Promise.all(keys.map(async (key) => refusal(scene.begin({ key }))));
  expect(clock.nowMs()).toBeLessThan(100);
});

test('a stalled store: who rejects is refused, also behind those who wait for it; who goes on is not degraded', async () => {
  await using outage = await openOutage(openManaged, { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED });
  const { scene, faulty } = outage;
  const rejecting = `rejecting/${scene.namespace}`;
  const waiting = { namespace: rejecting, key: 'waiting', attemptId: 'a-1' };
  faulty.set('stalled');
  const atStore = refusal(scene.begin(waiting));
  const patient = Array.from({ length: limits.admissionInFlightMax }, async (_, index) =>
    scene.acquire({ key: `patient-${index}` }),
  );
  await expect.poll(() => scene.server.engine.admission.state().inFlight).toBe(limits.admissionInFlightMax);
  const queued = refusal(scene.begin({ namespace: rejecting, key: 'queued' }));
  expect(await atStore).toMatchObject({ reason: 'STORE_UNAVAILABLE', metadata: { outcome: 'unknown' } });
  const later = refusal(scene.begin({ namespace: rejecting, key: 'later' }));
  for (const refused of [await queued, await later]) {
    expect(refused).toMatchObject({ reason: 'STORE_UNAVAILABLE', metadata: { outcome: 'none' } });
  }
  faulty.set('up');
  for (const { degraded } of await Promise.all(patient)) expect(degraded).toBe(false);
  expect(scene.server.engine.outage.kept()).toBe(0);
  expect(await scene.acquire(waiting)).toMatchObject({ attempt: 1 });
  for (const key of ['queued', 'later']) {
    expect(await refusal(scene.client.lookup({ namespace: rejecting, key }))).toMatchObject({ code: Code.NOT_FOUND });
  }
});

test('a store that answers pings before it answers calls is asked again, and nobody who goes on without it is failed', async () => {
  await using outage = await openOutage(openManaged, { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED });
  const { scene, faulty } = outage;
  const held = await scene.acquire({ key: 'held' });
  faulty.set('reviving');
  const begun = scene.acquire({ key: 'begun' });
  const completed = scene.client.complete({ ...scene.holder(held, 'held'), result: bytes('kept') });
  await sleep(4 * limits.outageRevivalPauseMs);
  faulty.set('up');
  expect((await begun).degraded).toBe(false);
  expect((await completed).journaled).toBe(false);
});

test('a begin that the store may have is not told as unwritten when the journal cannot take it either', async () => {
  const full = async (): Promise<never> => Promise.reject(new StoreError('full', 'no space'));
  const inner = createMemoryStore();
  const faulty = faultyStore(inner);
  const claim: Store['claim'] = async (...args) => {
    await inner.claim(...args);
    faulty.set('down');
    throw new StoreError('unknown', 'no answer');
  };
  await using scene = await openManaged({
    store: { ...faulty.store, claim },
    policy: { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED },
    journal: { exists: () => false, open: async () => ({ ...createMemoryStore(), claim: full }) },
  });
  expect(await refusal(scene.begin())).toMatchObject({
    reason: 'STORE_UNAVAILABLE',
    metadata: { outcome: 'unknown' },
  });
  faulty.set('up');
});

test('a full journal takes no further attempt nor word of a holder, and those that stand in it go on', async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'journal.db');
  const open = async (): Promise<Store> => {
    const store = await openSqliteStore({ path });
    const stats: Store['stats'] = async (options) => {
      const counted = await store.stats(options);
      const group = {
        namespace: 'others' as Namespace,
        state: 'COMPLETED',
        records: limits.journalRowsMax - 2,
        bytes: 0,
      };
      return { ...counted, groups: [...counted.groups, group as (typeof counted.groups)[number]] };
    };
    return { ...store, stats };
  };
  const faulty = faultyStore(createMemoryStore());
  await using scene = await openManaged({
    store: faulty.store,
    journal: { exists: () => false, open },
    policy: { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED },
  });
  const [before, unheard] = [await scene.acquire({ key: 'before' }), await scene.acquire({ key: 'unheard' })];
  faulty.set('down');
  const during = await scene.acquire({ key: 'during' });
  await scene.client.complete({ ...scene.holder(before, 'before'), result: bytes('b') });
  expect(await refusal(scene.begin({ key: 'one-more' }))).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  const complete = async () => scene.client.complete(scene.holder(unheard, 'unheard'));
  expect(await refusal(complete())).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  const kept = await scene.client.complete({ ...scene.holder(during, 'during'), result: bytes('d') });
  expect(kept.journaled).toBe(true);
  faulty.set('up');
  await expect.poll(async () => (await complete().catch(() => undefined))?.journaled, { timeout: 30_000 }).toBe(false);
});

test('a journal that is opened again knows of which keys holders from before have spoken', async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'journal.db');
  const id = { namespace: 'payments' as Namespace, key: 'order-1' as Key };
  const before = await openJournal(await openSqliteStore({ path }));
  await before.holdersStore({ ...id, leaseToken: 'a'.repeat(32) as LeaseToken });
  await before.close();
  const journal = await openJournal(await openSqliteStore({ path }));
  const [row] = journal.heldFor(id);
  expect(journal.heldFor(id)).toHaveLength(1);
  const record = row && (await journal.find(row));
  await expect.poll(async () => record && (await journal.remove(record))).toBe(true);
  expect(journal.heldFor(id)).toEqual([]);
  await journal.close();
});

test('what a holder says while its row is about to go is known to whoever begins meanwhile', async () => {
  const inner = createMemoryStore();
  const going = Promise.withResolvers<void>();
  const remove: Store['remove'] = async (...args) => {
    await going.promise;
    return inner.remove(...args);
  };
  const journal = await openJournal({ ...inner, remove });
  const id = { namespace: 'shop' as Namespace, key: 'order-1' as Key };
  const leaseToken = '00'.repeat(16) as LeaseToken;
  await journal.holdersStore({ ...id, leaseToken });
  const [row] = journal.heldFor(id);
  const before = (await journal.find(row ?? expect.fail())) ?? expect.fail();
  const removed = journal.remove({ ...before, revision: before.revision - 1 });
  expect(journal.heldFor(id)).toEqual([row]);
  going.resolve();
  expect(await removed).toBe(false);
  expect(journal.heldFor(id)).toEqual([row]);
  await expect.poll(async () => journal.remove(before)).toBe(true);
  expect(journal.heldFor(id)).toEqual([]);
});

test('what a holder from before the outage said is in the store before its key is begun again', async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, 'journal.db');
  await using away = await openOutage(openManaged, {});
  const { scene, faulty } = away;
  const { engine } = scene.server;
  const id = { namespace: scene.namespace as Namespace, key: 'order-1' as Key };
  await scene.acquire({ lease: ms(1000) });
  const { record } = await scene.store.read({ ...id, includeResult: false });
  const leaseToken = record?.leaseToken ?? expect.fail('no lease');
  const policy: Policy = { ...DEFAULT_POLICY, onStoreOutage: 'CONTINUE_DEGRADED' };
  const breaker = createBreaker(scene.store);
  const place = { exists: () => false, open: async () => openSqliteStore({ path }) };
  // It is never started, so that nothing is written but by the begin.
  const outage = createOutage({ breaker, place, log: pino({ level: 'silent' }) });
  faulty.set('down');
  const failure = new StoreError('unavailable', 'taken out of reach by the test');
  const kept = await outage.forHolder(engine, { id, leaseToken, policy }, failure);
  await kept.engine.store.settle({
    ...id,
    guard: { kind: 'token', leaseToken },
    settlement: { kind: 'failed', error: { code: 'NO_FUNDS', message: '', detail: bytes(''), contentType: '' } },
    settleDigest: 'digest',
    ttlMs: undefined,
    graceMs: durationMs(0),
  });
  faulty.set('up');
  expect(await breaker.isDown()).toBe(false);
  scene.advance(5000);
  await outage.bringOver(engine, id);
  expect(outage.kept()).toBe(0);
  expect((await scene.begin()).outcome.case).toBe('failed');
  await outage.stop();
});

test.each(['ClaimOrphans', 'ResolveIntent'] as const)(
  'what a holder from before has ended here is no orphan, though it is not written yet (%s)',
  async (rpc) => {
    const inner = createMemoryStore();
    const written = Promise.withResolvers<void>();
    let isOpen = false;
    const list: Store['list'] = async (...args) => {
      if (isOpen) await written.promise;
      return inner.list(...args);
    };
    const faulty = faultyStore(createMemoryStore());
    await using scene = await openManaged({
      store: faulty.store,
      policy: { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED },
      journal: { exists: () => false, open: async () => ({ ...inner, list }) },
    });
    // Before the scene ends, which waits for what is being written.
    using _ = { [Symbol.dispose]: () => written.resolve() };
    const { namespace, client, admin, server } = scene;
    const holder = scene.holder(await scene.acquire({ lease: ms(1000) }));
    faulty.set('down');
    expect((await client.complete({ ...holder, result: bytes('receipt') })).journaled).toBe(true);
    isOpen = true;
    scene.advance(1000);
    faulty.set('up');
    await expect.poll(() => server.engine.outage.isAway(), { timeout: 5000 }).toBe(false);
    if (rpc === 'ClaimOrphans') expect((await client.claimOrphans({ namespace })).orphans).toEqual([]);
    else {
      const resolution = { case: 'released', value: {} } as const;
      const resolve = admin.resolveIntent({ namespace, key: holder.key, reason: 'looks dead', resolution });
      expect(await refusal(resolve)).toMatchObject({ reason: 'ALREADY_SETTLED' });
    }
    expect((await scene.begin()).outcome.case).toBe('completed');
  },
);
