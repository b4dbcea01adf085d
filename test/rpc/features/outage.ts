// A store that goes away and comes back, in a namespace that goes on without it.

import { describe, expect, test } from 'vitest';
import { OnLeaseExpiry, OnStoreOutage } from '../../../proto/gen/onced/v1/admin_pb.js';
import { FailKind } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../../proto/gen/onced/v1/record_pb.js';
import type { Managed, OpenManaged } from '../managed.ts';
import { openOutage } from '../outage-scene.ts';
import { bytes, ms, refusal, untilWaiting } from '../scene.ts';

const LEASE = ms(60_000);
const GO_ON = { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED };

const suspected = async ({ server }: Managed): Promise<number> => {
  const { counters } = await server.metrics.figures();
  const found = counters.filter(({ labels }) => labels['cause'] === 'degraded_conflict');
  return found.reduce((total, { value }) => total + value, 0);
};

export function outageFeatures(openManaged: OpenManaged): void {
  describe('while the store is down, a namespace that goes on', () => {
    test('acquires with a warning, keeps the outcome, replays it, and has it in the store afterwards', async () => {
      await using outage = await openOutage(openManaged, GO_ON);
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

    test('goes on with issued keys too', async () => {
      await using outage = await openOutage(openManaged, { ...GO_ON, requireIssuedKey: true, recordsMax: 1000n });
      const { scene, faulty } = outage;
      const { keys } = await scene.client.issueKeys({ namespace: scene.namespace });
      const [key = ''] = keys;
      faulty.set('down');
      const lease = await scene.acquire({ key });
      expect(lease.degraded).toBe(true);
      await scene.client.complete({ ...scene.holder(lease, key), result: bytes('receipt') });
      faulty.set('up');
      await outage.untilWritten();
      expect((await scene.begin({ key })).outcome.case).toBe('completed');
    });

    test('an attempt under way when the store comes back goes on there with its lease and checkpoint', async () => {
      await using outage = await openOutage(openManaged, GO_ON);
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
      await using outage = await openOutage(openManaged, GO_ON);
      const { scene, faulty } = outage;
      const leases = { a: await scene.acquire({ key: 'a' }), b: await scene.acquire({ key: 'b' }) };
      const saved = await scene.acquire({ key: 'c', lease: ms(60_000) });
      faulty.set('down');
      const completed = await scene.client.complete({ ...scene.holder(leases.a, 'a'), result: bytes('kept') });
      expect(completed).toMatchObject({ journaled: true, record: { key: 'a' } });
      const failed = await scene.client.fail({ ...scene.holder(leases.b, 'b'), kind: FailKind.RETRYABLE });
      expect(failed.journaled).toBe(true);
      const saving = await scene.client.checkpoint({ ...scene.holder(saved, 'c'), data: bytes('step') });
      expect(saving.journaled).toBe(true);
      expect(await refusal(scene.client.renew(scene.holder(leases.b, 'b')))).toMatchObject({
        reason: 'ALREADY_SETTLED',
      });
      faulty.set('up');
      await outage.untilWritten();
      expect((await scene.begin({ key: 'a' })).outcome.case).toBe('completed');
      expect((await scene.acquire({ key: 'b' })).attempt).toBe(2);
      const { record } = await scene.client.lookup({ namespace: scene.namespace, key: 'c' });
      expect(record?.checkpoint).toEqual(Buffer.from('step'));
      expect(record?.summary?.state).toBe(IntentState.IN_PROGRESS);
      const after = await scene.client.checkpoint({ ...scene.holder(saved, 'c'), data: bytes('next step') });
      expect(after.journaled).toBe(false);
      expect(await outage.conflicts()).toEqual([]);
    });

    test('a holder from before cannot renew its lease without the store, also once a checkpoint of it was kept', async () => {
      await using outage = await openOutage(openManaged, GO_ON);
      const { scene, faulty } = outage;
      const holder = scene.holder(await scene.acquire());
      faulty.set('down');
      expect(await refusal(scene.client.renew(holder))).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
      await scene.client.checkpoint({ ...holder, data: bytes('step') });
      expect(await refusal(scene.client.renew(holder))).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
      faulty.set('up');
      await outage.untilWritten();
      await scene.client.renew(holder);
    });

    test('does not run again what a holder from before has ended here', async () => {
      await using outage = await openOutage(openManaged, GO_ON);
      const { scene, faulty } = outage;
      const fingerprints = [{ scheme: 'raw-sha256-v1', digest: bytes('this request') }];
      const others = [{ scheme: 'raw-sha256-v1', digest: bytes('another request') }];
      const leases = { a: await scene.acquire({ key: 'a', fingerprints }), b: await scene.acquire({ key: 'b' }) };
      faulty.set('down');
      await scene.client.complete({ ...scene.holder(leases.a, 'a'), result: bytes('kept') });
      await scene.client.fail({ ...scene.holder(leases.b, 'b'), kind: FailKind.UNKNOWN });
      const { outcome } = await scene.begin({ key: 'a' });
      expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).toString()).toBe('kept');
      // Whose request it was only the store knows.
      expect((await scene.begin({ key: 'a', fingerprints })).outcome.case).toBe('inProgress');
      expect((await scene.begin({ key: 'a', fingerprints: others })).outcome.case).toBe('inProgress');
      expect((await scene.begin({ key: 'b' })).outcome.case).toBe('orphaned');
      const waiting = scene.begin({ key: 'a', fingerprints, wait: ms(20_000) });
      faulty.set('up');
      await outage.untilWritten();
      expect((await waiting).outcome.case).toBe('completed');
      expect(await refusal(scene.begin({ key: 'a', fingerprints: others }))).toMatchObject({ reason: 'KEY_REUSED' });
      expect((await scene.begin({ key: 'b' })).outcome.case).toBe('orphaned');
      expect(await outage.conflicts()).toEqual([]);
    });

    test('does not begin beside an outcome that it kept, neither during the outage nor as the store comes back', async () => {
      await using outage = await openOutage(openManaged, GO_ON);
      const { scene, faulty } = outage;
      const before = await scene.acquire({ key: 'a' });
      faulty.set('down');
      const during = await scene.acquire({ key: 'a' });
      await scene.client.complete({ ...scene.holder(before, 'a'), result: bytes('kept') });
      await scene.client.fail({ ...scene.holder(during, 'a'), kind: FailKind.RETRYABLE });
      expect((await scene.begin({ key: 'a' })).outcome.case).toBe('completed');
      const degraded = await scene.acquire({ key: 'b' });
      await scene.client.complete(scene.holder(degraded, 'b'));
      faulty.set('up');
      const answers = await Promise.all(['a', 'b'].map(async (key) => scene.begin({ key })));
      expect(answers.map(({ outcome }) => outcome.case)).toEqual(['completed', 'completed']);
      expect(await outage.conflicts()).toEqual([]);
    });

    test('who waited for a degraded attempt begins after it, in the store', async () => {
      await using outage = await openOutage(openManaged, GO_ON);
      const { scene, faulty } = outage;
      faulty.set('down');
      const lease = await scene.acquire({ lease: ms(60_000) });
      const waiting = scene.acquire({ wait: ms(20_000) });
      await untilWaiting(scene, 1);
      faulty.set('up');
      await outage.untilWritten();
      await scene.client.fail({ ...scene.holder(lease), kind: FailKind.RETRYABLE });
      expect(await waiting).toMatchObject({ degraded: false, attempt: 2 });
      expect(await outage.conflicts()).toEqual([]);
    });

    test('an attempt that was taken over in the journal is listed, also when the next one was released', async () => {
      await using outage = await openOutage(openManaged, GO_ON);
      const { scene, faulty } = outage;
      await scene.client.complete(scene.holder(await scene.acquire()));
      faulty.set('down');
      await scene.acquire({ lease: ms(100) });
      const next = await scene.acquire({ wait: ms(5000) });
      await scene.client.fail({ ...scene.holder(next), kind: FailKind.RETRYABLE });
      faulty.set('up');
      await outage.untilWritten();
      expect(await outage.conflicts()).toEqual(['order-1 OTHER_OUTCOME']);
    });

    test('a release of before the outage makes no conflict of the attempt that followed it', async () => {
      await using outage = await openOutage(openManaged, GO_ON);
      const { scene, faulty } = outage;
      const keys = Array.from({ length: 12 }, (_, index) => `order-${index}`);
      const held = await Promise.all(
        keys.map(async (key) => scene.holder(await scene.acquire({ key, lease: LEASE }), key)),
      );
      faulty.set('down');
      for (const holder of held) {
        await scene.client.fail({ ...holder, kind: FailKind.RETRYABLE });
        await scene.acquire({ key: holder.key, lease: LEASE });
      }
      faulty.set('up');
      await outage.untilWritten();
      expect(await outage.conflicts()).toEqual([]);
    });

    test('lists the attempt as a conflict when the store had an outcome, and that one stands', async () => {
      await using outage = await openOutage(openManaged, GO_ON);
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
      await using outage = await openOutage(openManaged, GO_ON);
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
      await using outage = await openOutage(openManaged, { ...GO_ON, onLeaseExpiry: OnLeaseExpiry.HOLD });
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
}
