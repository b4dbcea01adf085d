// Quotas that are counted by the store: keys in progress, records.

import { describe, expect, test } from 'vitest';
import { FailKind } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import type { OpenManaged } from '../managed.ts';
import { bytes, ms, refusal } from '../scene.ts';

export function quotaFeatures(openManaged: OpenManaged): void {
  describe('keys in progress', () => {
    test('beyond the quota start no attempt until one is settled, while what stands is still answered', async () => {
      await using scene = await openManaged({ policy: { inProgressMax: 2 } });
      const first = await scene.acquire({ key: 'a', attemptId: 'first' });
      await scene.acquire({ key: 'b' });
      const refused = await refusal(scene.begin({ key: 'c' }));
      expect(refused).toMatchObject({ reason: 'QUOTA_EXCEEDED', metadata: { quota: 'in_progress_max', limit: '2' } });
      expect(refused.retryMs).toBeGreaterThan(0);
      expect((await scene.begin({ key: 'b' })).outcome.case).toBe('inProgress');
      expect((await scene.acquire({ key: 'a', attemptId: 'first' })).leaseToken).toEqual(first.leaseToken);
      await scene.client.complete({ ...scene.holder(first, 'a'), result: bytes('r') });
      await scene.acquire({ key: 'c' });
      expect((await scene.begin({ key: 'a' })).outcome.case).toBe('completed');
    });

    test('count what other servers began, within about a second', async () => {
      await using scene = await openManaged({ servers: 2, policy: { inProgressMax: 3 } });
      const other = scene.servers[1]?.client ?? scene.client;
      for (const key of ['a', 'b', 'c']) {
        await other.beginIntent({ namespace: scene.namespace, key, attemptId: key, lease: ms(60_000) });
      }
      expect(await refusal(scene.begin({ key: 'd' }))).toMatchObject({ reason: 'QUOTA_EXCEEDED' });
    });
  });

  test('records beyond the quota: no new key, but a released one goes on', async () => {
    await using scene = await openManaged({ policy: { recordsMax: 1n } });
    const lease = await scene.acquire({ key: 'a' });
    expect(await refusal(scene.begin({ key: 'b' }))).toMatchObject({
      reason: 'QUOTA_EXCEEDED',
      metadata: { quota: 'records_max', limit: '1' },
    });
    await scene.client.fail({ ...scene.holder(lease, 'a'), kind: FailKind.RETRYABLE });
    expect((await scene.acquire({ key: 'a' })).attempt).toBe(2);
  });
}
