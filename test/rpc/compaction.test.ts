// Retention as callers see it, and who compacts when several servers share a store.

import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { OnLeaseExpiry } from '../../proto/gen/onced/v1/admin_pb.js';
import { createCompaction, type Compaction } from '../../server/compaction.ts';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openManaged, type Managed } from './managed.ts';
import { bytes, ms, refusal } from './scene.ts';

const HOUR_MS = 3_600_000;
const RETENTION = { ttl: ms(4 * HOUR_MS), resultTtl: ms(HOUR_MS), lateRetryGrace: ms(HOUR_MS) };

async function complete(scene: Managed, key = 'order-1'): Promise<void> {
  const lease = await scene.acquire({ key });
  await scene.client.complete({ ...scene.holder(lease, key), result: bytes('receipt'), contentType: 'text/plain' });
}

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

describe('of two servers on one store', () => {
  const TERM_MS = 400;

  /** A server's loop over the shared store, and how often it compacted. */
  function startLoop(shared: Store): { readonly compaction: Compaction; readonly rounds: () => number } {
    let rounds = 0;
    const store: Store = {
      ...shared,
      compact: async (request, options) => {
        rounds += 1;
        return shared.compact(request, options);
      },
    };
    const log = pino({ level: 'silent' });
    const compaction = createCompaction({ store, log, archived: async () => [], intervalMs: 20, termMs: TERM_MS });
    compaction.start();
    return { compaction, rounds: () => rounds };
  }

  async function until(condition: () => boolean): Promise<void> {
    for (let tries = 0; tries < 500 && !condition(); tries += 1) await sleep(10);
    expect(condition()).toBe(true);
  }

  test('one compacts at a time, and the other takes over within a term when it is gone', async () => {
    const shared = createMemoryStore();
    const loops = [startLoop(shared), startLoop(shared)];
    const roundsOf = (): number[] => loops.map(({ rounds }) => rounds());
    await until(() => Math.max(...roundsOf()) >= 30);
    expect(Math.min(...roundsOf())).toBe(0);
    const [leader, follower] = loops.toSorted((a, b) => b.rounds() - a.rounds());
    if (leader === undefined || follower === undefined) expect.fail('two loops');
    await leader.compaction.stop();
    const stoppedMs = performance.now();
    await until(() => follower.rounds() > 0);
    expect(performance.now() - stoppedMs).toBeGreaterThan(TERM_MS / 2);
    await follower.compaction.stop();
  });
});
