// A begin that waits: woken at once, woken alone where only one can win, and never forgotten.

import { status as Code } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../server/limits.ts';
import { FailKind } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { bytes, type OpenScene, ms, refusal, untilWaiting, type BeginInit } from '../scene.ts';

const WAIT: BeginInit = { wait: ms(5000) };

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

export function waitTable(open: OpenScene): void {
  describe('a waiting begin', () => {
    test('answers at once when the outcome is there, long before it would look again', async () => {
      await using scene = await open();
      const delaysMs: number[] = [];
      for (let round = 0; round < 9; round += 1) {
        const key = `k-${round}`;
        const lease = await scene.acquire({ key });
        const waiting = scene.begin({ ...WAIT, key }).then(({ outcome }) => ({ outcome, atMs: performance.now() }));
        await untilWaiting(scene, 1);
        await scene.client.complete({ ...scene.holder(lease, key), result: bytes('r') });
        const completedMs = performance.now();
        const { outcome, atMs } = await waiting;
        expect(outcome.case).toBe('completed');
        delaysMs.push(atMs - completedMs);
      }
      expect(median(delaysMs)).toBeLessThan(limits.waiterPollMs / 5);
    });

    test('is answered with all the others by an outcome', async () => {
      await using scene = await open();
      const lease = await scene.acquire();
      const waiting = Array.from({ length: 64 }, async () => scene.begin(WAIT));
      await untilWaiting(scene, 64);
      await scene.client.complete({ ...scene.holder(lease), result: bytes('one for all') });
      for (const { outcome } of await Promise.all(waiting)) {
        expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).toString()).toBe('one for all');
      }
      await untilWaiting(scene, 0);
    });

    test('is woken alone by a release: one acquires, the others go on waiting for it', async () => {
      await using scene = await open();
      const lease = await scene.acquire();
      const answered: string[] = [];
      const waiting = Array.from({ length: 10 }, async () => {
        const { outcome } = await scene.begin(WAIT);
        answered.push(outcome.case ?? '');
        return outcome;
      });
      await untilWaiting(scene, 10);
      await scene.client.fail({ ...scene.holder(lease), kind: FailKind.RETRYABLE });
      const winner = await Promise.any(waiting);
      expect(winner.case).toBe('acquired');
      await untilWaiting(scene, 9);
      expect(answered).toEqual(['acquired']);
      if (winner.case !== 'acquired') return;
      await scene.client.complete({ ...scene.holder(winner.value), result: bytes('second') });
      const outcomes = await Promise.all(waiting);
      expect(outcomes.filter((outcome) => outcome.case === 'completed')).toHaveLength(9);
    });

    test('is woken by a lease that runs out', async () => {
      await using scene = await open();
      await scene.acquire({ lease: ms(200) });
      const [first, second] = await Promise.all([
        scene.begin({ ...WAIT, wait: ms(600), lease: ms(5000) }),
        scene.begin({ ...WAIT, wait: ms(600), lease: ms(5000) }),
      ]);
      expect(new Set([first.outcome.case, second.outcome.case])).toEqual(new Set(['acquired', 'inProgress']));
    });

    test('is told by a release with a delay when to come again', async () => {
      await using scene = await open();
      const lease = await scene.acquire();
      const waiting = Array.from({ length: 3 }, async () => scene.begin(WAIT));
      await untilWaiting(scene, 3);
      await scene.client.fail({ ...scene.holder(lease), kind: FailKind.RETRYABLE, retryAfter: ms(60_000) });
      for (const { outcome } of await Promise.all(waiting)) expect(outcome.case).toBe('retryLater');
    });

    test('is answered in_progress before the deadline of its call', async () => {
      await using scene = await open();
      await scene.acquire();
      const { outcome } = await scene.begin(WAIT, { timeoutMs: 300 });
      expect(outcome.case).toBe('inProgress');
    });

    test('that hangs up leaves the queue and does not swallow the wake of the next', async () => {
      await using scene = await open();
      const lease = await scene.acquire();
      const hangUp = new AbortController();
      const gone = refusal(scene.begin(WAIT, { signal: hangUp.signal }));
      await untilWaiting(scene, 1);
      const staying = scene.begin(WAIT);
      await untilWaiting(scene, 2);
      hangUp.abort();
      expect((await gone).code).toBe(Code.CANCELLED);
      await untilWaiting(scene, 1);
      await scene.client.fail({ ...scene.holder(lease), kind: FailKind.RETRYABLE });
      expect((await staying).outcome.case).toBe('acquired');
    });

    test('with another fingerprint is refused before it waits', async () => {
      await using scene = await open();
      await scene.acquire({ fingerprints: [{ scheme: 's', digest: bytes('a') }] });
      const other = { wait: ms(5000), fingerprints: [{ scheme: 's', digest: bytes('b') }] };
      const refused = await refusal(scene.begin(other));
      expect(refused.reason).toBe('KEY_REUSED');
    });

    test('beyond the bound of its key or namespace is refused with the time to come again', async () => {
      await using scene = await open({ policy: { waitersPerKeyMax: 2, waitersMax: 3 } });
      const leases = [await scene.acquire({ key: 'a' }), await scene.acquire({ key: 'b' })];
      const waiting = [scene.begin({ ...WAIT, key: 'a' }), scene.begin({ ...WAIT, key: 'a' })];
      await untilWaiting(scene, 2);
      const perKey = await refusal(scene.begin({ ...WAIT, key: 'a' }));
      expect(perKey).toMatchObject({ code: Code.RESOURCE_EXHAUSTED, reason: 'QUOTA_EXCEEDED' });
      expect(perKey.metadata).toEqual({ quota: 'waiters_per_key_max', limit: '2' });
      expect(perKey.retryMs).toBeGreaterThan(0);
      waiting.push(scene.begin({ ...WAIT, key: 'b' }));
      await untilWaiting(scene, 3);
      expect((await refusal(scene.begin({ ...WAIT, key: 'b' }))).metadata).toEqual({
        quota: 'waiters_max',
        limit: '3',
      });
      for (const [index, key] of ['a', 'b'].entries()) {
        const lease = leases[index];
        if (lease !== undefined) await scene.client.complete(scene.holder(lease, key));
      }
      await Promise.all(waiting);
    });

    test('is one of 900 over 90 keys, and every one is answered', async () => {
      await using scene = await open();
      const keys = Array.from({ length: 90 }, (_, index) => `k-${index}`);
      const leases = await Promise.all(keys.map(async (key) => ({ key, lease: await scene.acquire({ key }) })));
      const waiting = keys.flatMap((key) => Array.from({ length: 10 }, async () => scene.begin({ ...WAIT, key })));
      await untilWaiting(scene, 900);
      await Promise.all(leases.map(async ({ key, lease }) => scene.client.complete(scene.holder(lease, key))));
      const outcomes = await Promise.all(waiting);
      expect(outcomes.every(({ outcome }) => outcome.case === 'completed')).toBe(true);
    });
  });
}
