// A store that goes away and comes back, seen by callers of a namespace that goes on without it and of one that does not.

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { OnLeaseExpiry, OnStoreOutage } from '../../proto/gen/onced/v1/admin_pb.js';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import { readConflicts } from '../../server/journal/conflicts.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { faultyStore, type FaultyStore } from '../support/faulty-store.ts';
import { makeFolder } from '../support/onced.ts';
import { openManaged, type Managed, type PolicyInit } from './managed.ts';
import { bytes, ms, refusal } from './scene.ts';

const GO_ON = { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED };

interface Outage extends AsyncDisposable {
  readonly scene: Managed;
  readonly faulty: FaultyStore;
  /** Waits until nothing is kept in the journal any more. */
  untilWritten(): Promise<void>;
  conflicts(): Promise<readonly string[]>;
}

async function openOutage(policy: PolicyInit): Promise<Outage> {
  const folder = await makeFolder();
  const path = join(folder.path, 'journal.db');
  const faulty = faultyStore(createMemoryStore());
  const journal = { exists: () => existsSync(path), open: async () => openSqliteStore({ path }) };
  const scene = await openManaged({ store: faulty.store, policy, journal });
  const { outage } = scene.server.engine;
  return {
    scene,
    faulty,
    async untilWritten() {
      for (let tries = 0; tries < 1000 && outage.isKeeping(); tries += 1) await sleep(10);
      expect(outage.kept()).toBe(0);
    },
    conflicts: async () => (await readConflicts(faulty.store.registry, 100)).map(({ key, cause }) => `${key} ${cause}`),
    async [Symbol.asyncDispose]() {
      faulty.set('up');
      await scene[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const suspected = async ({ server }: Managed): Promise<number> => {
  const { counters } = await server.metrics.figures();
  const found = counters.filter(({ labels }) => labels['cause'] === 'degraded_conflict');
  return found.reduce((total, { value }) => total + value, 0);
};

describe('while the store is down, a namespace that rejects', () => {
  test.each(['down', 'hanging'] as const)(
    'answers UNAVAILABLE within 100 ms, and nothing ran (%s)',
    async (how) => {
      await using outage = await openOutage({});
      const { scene, faulty } = outage;
      await scene.begin({ key: 'before' });
      const writes = faulty.writes();
      faulty.set(how);
      // Until it is noticed a silent store costs its time-out.
      const first = Array.from({ length: 20 }, async (_, index) => refusal(scene.begin({ key: `first-${index}` })));
      for (const { code } of await Promise.all(first)) expect(code).toBe(Code.UNAVAILABLE);
      const tookMs: number[] = [];
      for (let index = 0; index < 50; index += 1) {
        const startMs = performance.now();
        const refused = await refusal(scene.begin({ key: `k-${index}` }));
        tookMs.push(performance.now() - startMs);
        expect(refused).toMatchObject({ code: Code.UNAVAILABLE, reason: 'STORE_UNAVAILABLE' });
        expect(refused.retryMs).toBeGreaterThan(0);
      }
      // The median: a single one also waits for whatever else this machine does.
      expect(tookMs.toSorted((a, b) => a - b)[25]).toBeLessThan(100);
      expect(faulty.writes()).toBe(writes);
      faulty.set('up');
      await expect
        .poll(async () => (await scene.begin({ key: 'after' }).catch(() => undefined))?.outcome.case, { timeout: 5000 })
        .toBe('acquired');
    },
    30_000,
  );
});

describe('while the store is down, a namespace that goes on', () => {
  test('acquires with a warning, keeps the outcome, replays it, and has it in the store afterwards', async () => {
    await using outage = await openOutage(GO_ON);
    const { scene, faulty } = outage;
    faulty.set('down');
    const lease = await scene.acquire({ attemptId: 'a-1', labels: { trace: 't' } });
    expect(lease.degraded).toBe(true);
    expect((await scene.acquire({ attemptId: 'a-1' })).leaseToken).toEqual(lease.leaseToken);
    expect((await scene.begin()).outcome.case).toBe('inProgress');
    await scene.client.renew({ ...scene.holder(lease), lease: ms(60_000) });
    await scene.client.checkpoint({ ...scene.holder(lease), data: bytes('step') });
    const complete = { ...scene.holder(lease), result: bytes('receipt'), contentType: 'text/plain' };
    expect(await scene.client.complete(complete)).toMatchObject({ journaled: true, alreadyApplied: false });
    expect(await scene.client.complete(complete)).toMatchObject({ journaled: true, alreadyApplied: true });
    const replayed = await scene.begin();
    expect(replayed.outcome.case).toBe('completed');
    faulty.set('up');
    await outage.untilWritten();
    const { record } = await scene.client.lookup({ namespace: scene.namespace, key: 'order-1', includeResult: true });
    expect(Buffer.from(record?.result ?? []).toString()).toBe('receipt');
    expect(record?.summary).toMatchObject({ state: IntentState.COMPLETED, attempt: 1 });
    expect(await scene.client.complete(complete)).toMatchObject({ journaled: false, alreadyApplied: true });
    expect(await outage.conflicts()).toEqual([]);
  });

  test('an attempt under way when the store comes back goes on there with its lease and checkpoint', async () => {
    await using outage = await openOutage(GO_ON);
    const { scene, faulty } = outage;
    faulty.set('down');
    const lease = await scene.acquire({ lease: ms(60_000) });
    await scene.client.checkpoint({ ...scene.holder(lease), lease: ms(60_000), data: bytes('step') });
    faulty.set('up');
    await outage.untilWritten();
    const { record } = await scene.client.lookup({ namespace: scene.namespace, key: 'order-1' });
    expect(record?.summary?.state).toBe(IntentState.IN_PROGRESS);
    expect(record?.checkpoint).toEqual(Buffer.from('step'));
    expect((await scene.begin()).outcome.case).toBe('inProgress');
    expect(await scene.client.complete(scene.holder(lease))).toMatchObject({ journaled: false });
  });

  test('keeps what holders from before the outage say: outcome, release, checkpoint', async () => {
    await using outage = await openOutage(GO_ON);
    const { scene, faulty } = outage;
    const leases = { a: await scene.acquire({ key: 'a' }), b: await scene.acquire({ key: 'b' }) };
    const saved = await scene.acquire({ key: 'c', lease: ms(60_000) });
    faulty.set('down');
    const completed = await scene.client.complete({ ...scene.holder(leases.a, 'a'), result: bytes('kept') });
    expect(completed).toMatchObject({ journaled: true, record: { key: 'a' } });
    const failed = await scene.client.fail({ ...scene.holder(leases.b, 'b'), kind: FailKind.RETRYABLE });
    expect(failed.journaled).toBe(true);
    await scene.client.checkpoint({ ...scene.holder(saved, 'c'), data: bytes('step') });
    expect(await refusal(scene.client.renew(scene.holder(leases.b, 'b')))).toMatchObject({ reason: 'ALREADY_SETTLED' });
    faulty.set('up');
    await outage.untilWritten();
    expect((await scene.begin({ key: 'a' })).outcome.case).toBe('completed');
    expect((await scene.acquire({ key: 'b' })).attempt).toBe(2);
    const { record } = await scene.client.lookup({ namespace: scene.namespace, key: 'c' });
    expect(record?.checkpoint).toEqual(Buffer.from('step'));
    expect(record?.summary?.state).toBe(IntentState.IN_PROGRESS);
    expect(await outage.conflicts()).toEqual([]);
  });

  test('lists the attempt as a conflict when the store had an outcome, and that one stands', async () => {
    await using outage = await openOutage(GO_ON);
    const { scene, faulty } = outage;
    const first = await scene.acquire();
    await scene.client.complete({ ...scene.holder(first), result: bytes('first') });
    faulty.set('down');
    const second = await scene.acquire();
    await scene.client.complete({ ...scene.holder(second), result: bytes('second') });
    faulty.set('up');
    await outage.untilWritten();
    const { outcome } = await scene.begin();
    expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).toString()).toBe('first');
    expect(await outage.conflicts()).toEqual(['order-1 OTHER_OUTCOME']);
    expect(await suspected(scene)).toBe(1);
    const { degradedConflicts } = await scene.admin.getStats({ namespace: scene.namespace });
    expect(degradedConflicts).toMatchObject([{ key: 'order-1', cause: 'OTHER_OUTCOME' }]);
  });

  test('lists a conflict with a holder from before, whose outcome and the other cannot both be true', async () => {
    await using outage = await openOutage(GO_ON);
    const { scene, faulty } = outage;
    const before = await scene.acquire({ lease: ms(60_000) });
    faulty.set('down');
    const during = await scene.acquire();
    expect(during.degraded).toBe(true);
    await scene.client.complete({ ...scene.holder(before), result: bytes('before') });
    await scene.client.complete({ ...scene.holder(during), result: bytes('during') });
    faulty.set('up');
    await outage.untilWritten();
    expect((await scene.begin()).outcome.case).toBe('completed');
    expect((await outage.conflicts()).length).toBeGreaterThanOrEqual(1);
    expect(await suspected(scene)).toBe((await outage.conflicts()).length);
  });

  test('an orphan under HOLD that ran again meanwhile is listed and gets the outcome', async () => {
    await using outage = await openOutage({ ...GO_ON, onLeaseExpiry: OnLeaseExpiry.HOLD });
    const { scene, faulty } = outage;
    await scene.acquire({ lease: ms(1000) });
    scene.advance(1000);
    faulty.set('down');
    const during = await scene.acquire();
    await scene.client.complete({ ...scene.holder(during), result: bytes('during') });
    faulty.set('up');
    await outage.untilWritten();
    expect((await scene.begin()).outcome.case).toBe('completed');
    expect(await outage.conflicts()).toEqual(['order-1 OTHER_ATTEMPT']);
  });
});

test('a store stopped for 10 s under load: no call of the namespace fails and all outcomes are in the store', async () => {
  await using outage = await openOutage(GO_ON);
  const { scene, faulty } = outage;
  const acknowledged: string[] = [];
  const over = new AbortController();
  let [journaled, degraded] = [0, 0];
  const worker = async (name: number): Promise<void> => {
    for (let index = 0; !over.signal.aborted; index += 1) {
      const key = `w${name}-${index}`;
      const lease = await scene.acquire({ key, attemptId: randomUUID() });
      if (lease.degraded) degraded += 1;
      const answer = await scene.client.complete({ ...scene.holder(lease, key), result: bytes(key) });
      if (answer.journaled) journaled += 1;
      acknowledged.push(key);
      await sleep(5);
    }
  };
  const load = Promise.all(Array.from({ length: 16 }, async (_, name) => worker(name)));
  await sleep(500);
  faulty.set('down');
  await sleep(10_000);
  faulty.set('up');
  await sleep(500);
  over.abort();
  await load;
  await outage.untilWritten();
  console.log(`${acknowledged.length} outcomes acknowledged, ${degraded} degraded, ${journaled} journaled`);
  expect(degraded).toBeGreaterThan(100);
  for (const key of acknowledged) {
    const { record } = await scene.client.lookup({ namespace: scene.namespace, key, includeResult: true });
    expect(Buffer.from(record?.result ?? []).toString()).toBe(key);
  }
  expect(await outage.conflicts()).toEqual([]);
}, 60_000);
