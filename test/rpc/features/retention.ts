// Retention as callers see it.

import { describe, expect, test } from 'vitest';
import { OnLeaseExpiry } from '../../../proto/gen/onced/v1/admin_pb.js';
import type { Managed, OpenManaged } from '../managed.ts';
import { bytes, ms, refusal } from '../scene.ts';

const HOUR_MS = 3_600_000;
const RETENTION = { ttl: ms(4 * HOUR_MS), resultTtl: ms(HOUR_MS), lateRetryGrace: ms(HOUR_MS) };

async function complete(scene: Managed, key = 'order-1'): Promise<void> {
  const lease = await scene.acquire({ key });
  await scene.client.complete({ ...scene.holder(lease, key), result: bytes('receipt'), contentType: 'text/plain' });
}

export function retentionFeatures(openManaged: OpenManaged): void {
  describe('a completed key', () => {
    test('replays without its bytes once they had their time, and says so', async () => {
      await using scene = await openManaged({ policy: RETENTION });
      await complete(scene);
      scene.advance(HOUR_MS - 1000);
      expect(await scene.admin.runCompaction({})).toMatchObject({ resultsDropped: 0n, recordsRemoved: 0n });
      scene.advance(1000);
      expect(await scene.admin.runCompaction({})).toMatchObject({ resultsDropped: 1n, recordsRemoved: 0n });
      const { outcome } = await scene.begin();
      if (outcome.case !== 'completed') expect.fail(`it is ${outcome.case}`);
      expect(outcome.value).toMatchObject({ resultDropped: true, contentType: 'text/plain' });
      expect(outcome.value.result).toHaveLength(0);
    });

    test('runs again after its time: as a late retry while the remnant is there, as new after the grace', async () => {
      await using scene = await openManaged({ policy: RETENTION });
      await complete(scene, 'a');
      await complete(scene, 'b');
      scene.advance(4 * HOUR_MS + 1000);
      await scene.admin.runCompaction({});
      expect(await scene.acquire({ key: 'a' })).toMatchObject({ attempt: 1, lateRetry: true });
      scene.advance(HOUR_MS);
      // `a` is in progress again and stays.
      expect(await scene.admin.runCompaction({})).toMatchObject({ recordsRemoved: 1n });
      expect(await scene.acquire({ key: 'b' })).toMatchObject({ attempt: 1, lateRetry: false });
      const { counters } = await scene.server.metrics.figures();
      expect(counters.find(({ name }) => name === 'onced_late_retries_total')?.value).toBe(1);
    });
  });

  test('an orphan under HOLD stays for its own time, not for the ttl', async () => {
    await using scene = await openManaged({
      policy: { ...RETENTION, onLeaseExpiry: OnLeaseExpiry.HOLD, orphanTtl: ms(100 * HOUR_MS) },
    });
    await scene.acquire({ lease: ms(1000) });
    scene.advance(99 * HOUR_MS);
    expect(await scene.admin.runCompaction({})).toMatchObject({ recordsRemoved: 0n });
    expect((await scene.begin()).outcome.case).toBe('orphaned');
    scene.advance(3 * HOUR_MS);
    expect(await scene.admin.runCompaction({})).toMatchObject({ recordsRemoved: 1n });
  });

  describe('compaction on demand', () => {
    test('stops at its limit, goes on where it stopped, and is in the audit log', async () => {
      await using scene = await openManaged({ policy: RETENTION });
      for (let index = 0; index < 7; index += 1) await complete(scene, `k-${index}`);
      scene.advance(6 * HOUR_MS);
      expect(await scene.admin.runCompaction({ limit: 3n })).toMatchObject({ recordsRemoved: 3n });
      expect(await scene.admin.runCompaction({})).toMatchObject({ recordsRemoved: 4n });
      const lookup = scene.client.lookup({ namespace: scene.namespace, key: 'k-0' });
      expect(await refusal(lookup)).toMatchObject({ reason: 'INTENT_NOT_FOUND' });
      const { events } = await scene.admin.listAuditEvents({});
      expect(events.map(({ action }) => action)).toContain('RunCompaction.done');
    });

    test('leaves records that must be archived first', async () => {
      await using scene = await openManaged({ policy: { ...RETENTION, archive: true } });
      await complete(scene);
      scene.advance(6 * HOUR_MS);
      expect(await scene.admin.runCompaction({})).toMatchObject({ resultsDropped: 0n, recordsRemoved: 0n });
    });
  });
}
