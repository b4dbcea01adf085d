// Who waits on one server for what another one decides: told at once, and the store is not asked by each of them.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FailKind } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { limits } from '../../../server/limits.ts';
import type { Store } from '../../../storage/contract/index.ts';
import type { StorePlace } from '../../conformance/subject.ts';
import { bytes, ms, openScene, untilWaiting, type BeginInit, type RpcScene } from '../scene.ts';

/** The long run sets ONCED_REMOTE_ROUNDS=1000. */
const ROUNDS = Number(process.env['ONCED_REMOTE_ROUNDS'] ?? 50);
const WAITERS = 100;
/** Goal of the median, on a machine that does nothing else. */
const TOLD_MS_MAX = 50;
const WAIT: BeginInit = { wait: ms(60_000) };

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

export function remoteTable(placeOf: () => StorePlace): void {
  describe('two servers on one store', () => {
    let [a, b]: readonly RpcScene[] = [];
    let reads = 0;
    const counted = (store: Store): Store => ({
      ...store,
      async read(...args) {
        reads += 1;
        return store.read(...args);
      },
    });
    const both = (): readonly [RpcScene, RpcScene] => {
      if (a === undefined || b === undefined) throw new Error('not open');
      return [a, b];
    };
    beforeAll(async () => {
      a = await openScene({ store: await placeOf().open() });
      b = await openScene({ store: await placeOf().open(), wrap: counted });
    });
    afterAll(async () => {
      for (const scene of [a, b]) await scene?.[Symbol.asyncDispose]();
    });

    test(`a Complete on one answers who waits on the other, ${ROUNDS} times`, { timeout: 120_000 }, async () => {
      const [teller, waiter] = both();
      const delaysMs: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const id = { namespace: teller.namespace, key: `told-${round}` };
        const lease = await teller.acquire(id);
        const waiting = waiter.begin({ ...WAIT, ...id }).then(({ outcome }) => ({ outcome, atMs: performance.now() }));
        await untilWaiting(waiter, 1);
        await teller.client.complete({ ...teller.holder(lease, id.key), result: bytes('r') });
        const completedMs = performance.now();
        const { outcome, atMs } = await waiting;
        expect(outcome.case).toBe('completed');
        delaysMs.push(atMs - completedMs);
      }
      console.log(
        `answered after ${median(delaysMs).toFixed(1)} ms (p50), ${Math.max(...delaysMs).toFixed(1)} ms (worst)`,
      );
      expect(median(delaysMs)).toBeLessThan(TOLD_MS_MAX);
    });

    test('however many wait for a key, the store is asked by one of them', { timeout: 60_000 }, async () => {
      const [teller, waiter] = both();
      const id = { namespace: teller.namespace, key: 'many' };
      const lease = await teller.acquire(id);
      const waiting = Array.from({ length: WAITERS }, async () => waiter.begin({ ...WAIT, ...id }));
      await untilWaiting(waiter, WAITERS);
      reads = 0;
      await sleep(2.5 * limits.waiterPollMs);
      // Each of them alone would have asked twice.
      expect(reads).toBeGreaterThan(0);
      expect(reads).toBeLessThan(8);
      reads = 0;
      await teller.client.complete({ ...teller.holder(lease, id.key), result: bytes('one for all') });
      for (const { outcome } of await Promise.all(waiting)) {
        expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).toString()).toBe('one for all');
      }
      expect(reads).toBeLessThan(4);
    });

    test('a release on one lets one of those go on who wait on the other', async () => {
      const [teller, waiter] = both();
      const id = { namespace: teller.namespace, key: 'released' };
      const lease = await teller.acquire(id);
      const waiting = Array.from({ length: 5 }, async () => waiter.begin({ ...WAIT, ...id }));
      await untilWaiting(waiter, 5);
      await teller.client.fail({ ...teller.holder(lease, id.key), kind: FailKind.RETRYABLE });
      const winner = await Promise.any(waiting);
      if (winner.outcome.case !== 'acquired') return expect.fail('nobody acquired');
      await untilWaiting(waiter, 4);
      const holder = { ...waiter.holder(winner.outcome.value, id.key), ...id };
      await waiter.client.complete({ ...holder, result: bytes('second') });
      const outcomes = (await Promise.all(waiting)).map(({ outcome }) => outcome.case);
      expect(outcomes.filter((name) => name === 'completed')).toHaveLength(4);
    });
  });
}
