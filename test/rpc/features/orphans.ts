// ClaimOrphans: whoever reconciles gets an orphan alone, with all that the lost holder left behind.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { OnLeaseExpiry, type ResolveIntentRequestSchema } from '../../../proto/gen/onced/v1/admin_pb.js';
import { FailKind, type ClaimedOrphan } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { OrphanCause } from '../../../proto/gen/onced/v1/record_pb.js';
import type { Managed, OpenManaged } from '../managed.ts';
import { bytes, ms, refusal } from '../scene.ts';

const HOLD = { onLeaseExpiry: OnLeaseExpiry.HOLD };
const LEASE = { lease: ms(1000) };
const SAVED = Buffer.from('charge-77');

async function claimOne(scene: Managed): Promise<ClaimedOrphan> {
  const { orphans } = await scene.client.claimOrphans({ namespace: scene.namespace, ...LEASE, owner: 'reconciler' });
  const [orphan] = orphans;
  if (orphan?.acquired === undefined) return expect.fail('no orphan was claimed');
  return orphan;
}

async function failUnknown(scene: Managed): Promise<void> {
  const lease = await scene.acquire({ ...LEASE, labels: { trace: 't-1' } });
  await scene.client.checkpoint({ ...scene.holder(lease), data: bytes('charge-77') });
  const error = { code: 'TIMEOUT', message: 'no answer' };
  await scene.client.fail({ ...scene.holder(lease), kind: FailKind.UNKNOWN, error });
}

export function orphanFeatures(openManaged: OpenManaged): void {
  describe('claiming orphans', () => {
    test.each([OnLeaseExpiry.HOLD, OnLeaseExpiry.TAKE_OVER])(
      'eight reconcilers on two servers never get the same one (policy %i)',
      async (onLeaseExpiry) => {
        await using scene = await openManaged({ servers: 2, policy: { onLeaseExpiry } });
        const keys = Array.from({ length: 150 }, (_, index) => `k-${index}`);
        await Promise.all(keys.map(async (key) => scene.acquire({ key, ...LEASE })));
        scene.advance(1000);
        const rounds = Array.from({ length: 8 }, async (_, index) => {
          const { client } = scene.servers[index % 2] ?? scene.server;
          const claimed: string[] = [];
          for (let round = 0; round < 12; round += 1) {
            const { orphans } = await client.claimOrphans({ namespace: scene.namespace, limit: 20, lease: ms(60_000) });
            claimed.push(...orphans.map(({ record }) => record?.summary?.key ?? ''));
          }
          return claimed;
        });
        const claimed = (await Promise.all(rounds)).flat();
        expect(claimed.toSorted()).toEqual(keys.toSorted());
      },
    );

    test('finds the few among many that are settled', async () => {
      await using scene = await openManaged();
      for (let index = 0; index < 60; index += 1) {
        const key = `k-${index}`;
        const holder = scene.holder(await scene.acquire({ key }), key);
        if (index % 20 === 0) await scene.client.fail({ ...holder, kind: FailKind.UNKNOWN });
        else await scene.client.complete(holder);
      }
      const { orphans } = await scene.client.claimOrphans({ namespace: scene.namespace });
      const found = new Set(orphans.map(({ record }) => record?.summary?.key));
      expect(found).toEqual(new Set(['k-0', 'k-20', 'k-40']));
    });

    test('shows key, labels, checkpoint, attempt and owner of the lost holder, and starts the next attempt', async () => {
      await using scene = await openManaged({ policy: HOLD });
      const lost = await scene.acquire({ ...LEASE, owner: 'worker-3', labels: { trace: 't-1' } });
      await scene.client.checkpoint({ ...scene.holder(lost), ...LEASE, data: bytes('charge-77') });
      scene.advance(1000);
      const { record, acquired } = await claimOne(scene);
      expect(record).toMatchObject({ owner: 'worker-3', labels: { trace: 't-1' }, checkpoint: SAVED });
      expect(record?.summary).toMatchObject({ key: 'order-1', attempt: 1 });
      expect(record?.orphan?.cause).toBe(OrphanCause.LEASE_EXPIRED);
      expect(acquired).toMatchObject({ attempt: 2, takenOver: true, checkpoint: SAVED });
      expect(acquired?.fencingToken).toBeGreaterThan(lost.fencingToken);
      expect(await refusal(scene.client.complete(scene.holder(lost)))).toMatchObject({ reason: 'LEASE_LOST' });
    });

    test('takes those whose holder said that it does not know, with its error', async () => {
      await using scene = await openManaged();
      await failUnknown(scene);
      const { record, acquired } = await claimOne(scene);
      expect(record?.orphan?.cause).toBe(OrphanCause.HOLDER_UNKNOWN);
      expect(record).toMatchObject({ labels: { trace: 't-1' }, checkpoint: SAVED });
      expect(acquired).toMatchObject({ attempt: 2, lastError: { code: 'TIMEOUT' } });
    });

    test('takes nothing while the lease lives, and takes it in the millisecond when it is over', async () => {
      await using scene = await openManaged({ policy: HOLD });
      await scene.acquire({ lease: ms(60_000) });
      scene.advance(50_000);
      expect((await scene.client.claimOrphans({ namespace: scene.namespace })).orphans).toEqual([]);
      scene.advance(10_000);
      await claimOne(scene);
    });

    test('leaves other namespaces alone, those below too', async () => {
      await using scene = await openManaged({ policy: HOLD });
      await scene.acquire({ namespace: `${scene.namespace}/below`, ...LEASE });
      scene.advance(1000);
      expect((await scene.client.claimOrphans({ namespace: scene.namespace })).orphans).toEqual([]);
    });

    test('takes the oldest first', async () => {
      await using scene = await openManaged({ policy: HOLD });
      for (const key of ['z', 'm', 'a']) {
        await scene.acquire({ key, ...LEASE });
        scene.advance(100);
      }
      scene.advance(1000);
      const claimed: (string | undefined)[] = [];
      for (let round = 0; round < 3; round += 1) {
        const { orphans } = await scene.client.claimOrphans({ namespace: scene.namespace, limit: 1 });
        claimed.push(...orphans.map(({ record }) => record?.summary?.key));
      }
      expect(claimed).toEqual(['z', 'm', 'a']);
    });

    test('an orphan that its reconciler drops can be claimed again when that lease is over', async () => {
      await using scene = await openManaged({ policy: HOLD });
      await scene.acquire(LEASE);
      scene.advance(1000);
      const first = await claimOne(scene);
      expect((await scene.client.claimOrphans({ namespace: scene.namespace })).orphans).toEqual([]);
      scene.advance(1000);
      const second = await claimOne(scene);
      expect(second.acquired?.attempt).toBe((first.acquired?.attempt ?? 0) + 1);
    });

    test.each([0, 101])('more than it may is refused by name (limit %i)', async (limit) => {
      await using scene = await openManaged();
      const call = scene.client.claimOrphans({ namespace: scene.namespace, limit });
      if (limit === 0) expect((await call).orphans).toEqual([]);
      else expect(await refusal(call)).toMatchObject({ reason: 'INVALID_FIELD', fields: ['limit'] });
    });
  });

  describe('under HOLD', () => {
    test('nobody runs until it is reconciled, then all get the outcome', async () => {
      await using scene = await openManaged({ policy: HOLD });
      await scene.acquire(LEASE);
      scene.advance(1000);
      expect((await scene.begin()).outcome.case).toBe('orphaned');
      const { acquired } = await claimOne(scene);
      if (acquired === undefined) expect.fail('not claimed');
      expect((await scene.begin()).outcome.case).toBe('inProgress');
      await scene.client.complete({ ...scene.holder(acquired), result: bytes('found at the provider') });
      const { outcome } = await scene.begin();
      expect(outcome.case === 'completed' && outcome.value.result).toEqual(Buffer.from('found at the provider'));
    });

    test('an orphan found not to have happened is released, and the next begin runs', async () => {
      await using scene = await openManaged({ policy: HOLD });
      await scene.acquire(LEASE);
      scene.advance(1000);
      const { acquired } = await claimOne(scene);
      if (acquired === undefined) expect.fail('not claimed');
      await scene.client.fail({ ...scene.holder(acquired), kind: FailKind.RETRYABLE });
      expect((await scene.acquire()).attempt).toBe(3);
    });
  });

  describe('a person who resolves an orphan', () => {
    const REASON = 'ticket 17';
    const orphaned = async (scene: Managed): Promise<void> => {
      await scene.acquire(LEASE);
      scene.advance(1000);
    };
    const resolve = async (scene: Managed, init: MessageInitShape<typeof ResolveIntentRequestSchema>) =>
      scene.admin.resolveIntent({ namespace: scene.namespace, key: 'order-1', reason: REASON, ...init });

    test('gives all who come the outcome that was found, or lets the next one run', async () => {
      await using scene = await openManaged({ policy: HOLD });
      await orphaned(scene);
      const found = { case: 'completed', value: { result: bytes('found'), contentType: 'text/plain' } } as const;
      await resolve(scene, { resolution: found });
      expect((await scene.begin()).outcome).toMatchObject({
        case: 'completed',
        value: { result: Buffer.from('found'), contentType: 'text/plain' },
      });
      const released = { case: 'released', value: {} } as const;
      expect(await refusal(resolve(scene, { resolution: released }))).toMatchObject({ reason: 'ALREADY_SETTLED' });

      await scene.acquire({ key: 'failed', ...LEASE });
      await scene.acquire({ key: 'released', ...LEASE });
      scene.advance(1000);
      const cancelled = { code: 'CANCELLED', message: 'by support' };
      await resolve(scene, { key: 'failed', resolution: { case: 'failed', value: { error: cancelled } } });
      expect((await scene.begin({ key: 'failed' })).outcome).toMatchObject({
        case: 'failed',
        value: { error: cancelled },
      });
      await resolve(scene, { key: 'released', resolution: released });
      expect((await scene.acquire({ key: 'released' })).attempt).toBe(2);
    });

    test('says why, and does not overrule who holds it or has changed it, unless forced', async () => {
      await using scene = await openManaged({ policy: HOLD });
      const resolution = { case: 'released', value: {} } as const;
      const holder = scene.holder(await scene.acquire({ lease: ms(60_000) }));
      expect(await refusal(resolve(scene, { resolution, reason: '' }))).toMatchObject({ fields: ['reason'] });
      expect(await refusal(resolve(scene, { resolution }))).toMatchObject({ reason: 'EXPECTATION_FAILED' });
      const { record } = await scene.admin.getRecord({ namespace: scene.namespace, key: 'order-1' });
      const { revision } = record ?? expect.fail('no record');
      await scene.client.checkpoint({ ...holder, lease: ms(60_000), data: bytes('step') });
      const stale = { resolution, revision, force: true };
      expect(await refusal(resolve(scene, stale))).toMatchObject({ reason: 'EXPECTATION_FAILED' });
      await scene.client.renew({ ...holder, lease: ms(60_000) });
      await resolve(scene, { resolution, force: true });
      expect(await refusal(scene.client.complete(holder))).toMatchObject({ reason: 'ALREADY_SETTLED' });
      expect((await scene.acquire()).checkpoint).toEqual(Buffer.from('step'));
    });

    test('hears the same again when the answer was lost, and nothing is written again', async () => {
      await using scene = await openManaged({ policy: HOLD });
      const seen = async (key: string) => (await scene.admin.getRecord({ namespace: scene.namespace, key })).record;
      const resolutions = {
        completed: { case: 'completed', value: { result: bytes('found') } },
        failed: { case: 'failed', value: { error: { code: 'CANCELLED' } } },
        released: { case: 'released', value: { retryAfter: ms(60_000) } },
      } as const;
      for (const [key, resolution] of Object.entries(resolutions)) {
        await scene.acquire({ key, ...LEASE });
        scene.advance(1000);
        const { revision } = (await seen(key)) ?? expect.fail('no record');
        const first = await resolve(scene, { key, revision, resolution });
        scene.advance(10);
        const again = await resolve(scene, { key, revision, resolution });
        expect(again.record?.revision).toBe(first.record?.revision);
        expect(again.record?.summary?.state).toBe(first.record?.summary?.state);
        expect((await seen(key))?.revision).toBe(first.record?.revision);
        const other = { case: 'completed', value: { result: bytes('other') } } as const;
        expect(await refusal(resolve(scene, { key, revision, resolution: other }))).toMatchObject({
          reason: key === 'released' ? 'EXPECTATION_FAILED' : 'ALREADY_SETTLED',
        });
      }
      const { revision } = (await seen('released')) ?? expect.fail('no record');
      scene.advance(60_000);
      const next = scene.holder(await scene.acquire({ key: 'released', ...LEASE }));
      await scene.client.fail({ ...next, key: 'released', kind: FailKind.RETRYABLE, retryAfter: ms(60_000) });
      const late = resolve(scene, { key: 'released', revision: revision - 1n, resolution: resolutions.released });
      expect(await refusal(late)).toMatchObject({ reason: 'EXPECTATION_FAILED' });
    });

    test('is told that there is nothing to resolve', async () => {
      await using scene = await openManaged();
      const nothing = resolve(scene, { resolution: { case: 'released', value: {} } });
      expect(await refusal(nothing)).toMatchObject({ reason: 'INTENT_NOT_FOUND' });
    });
  });

  describe('an outcome that its holder does not know', () => {
    test('stays held under TAKE_OVER when the reconciler that had claimed it dies', async () => {
      await using scene = await openManaged();
      await failUnknown(scene);
      expect((await scene.begin()).outcome.case).toBe('orphaned');
      for (let reconciler = 0; reconciler < 3; reconciler += 1) {
        await claimOne(scene);
        scene.advance(1000);
        expect((await scene.begin()).outcome.case).toBe('orphaned');
      }
      const { acquired } = await claimOne(scene);
      if (acquired === undefined) expect.fail('not claimed');
      await scene.client.fail({ ...scene.holder(acquired), kind: FailKind.RETRYABLE });
      expect((await scene.acquire()).checkpoint).toEqual(SAVED);
    });

    test('waits for its own time, not for the ttl, also when the reconciler that renewed its lease dies', async () => {
      await using scene = await openManaged({ policy: { ttl: ms(60_000), lateRetryGrace: ms(0) } });
      await failUnknown(scene);
      const { acquired } = await claimOne(scene);
      if (acquired === undefined) expect.fail('not claimed');
      await scene.client.renew({ ...scene.holder(acquired), ...LEASE });
      await scene.client.checkpoint({ ...scene.holder(acquired), ...LEASE, data: bytes('asked') });
      scene.advance(3_600_000);
      expect((await scene.begin()).outcome.case).toBe('orphaned');
    });

    test('cannot be opened by a caller who makes up a name for its attempt', async () => {
      await using scene = await openManaged();
      const begin = scene.begin({ attemptId: 'onced:review:1' });
      expect(await refusal(begin)).toMatchObject({ reason: 'INVALID_FIELD', fields: ['attempt_id'] });
    });
  });
}
