// Who compacts when several servers share a store.

import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { createCompaction, type Compaction } from '../../server/compaction.ts';
import { limits } from '../../server/limits.ts';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openManaged } from './managed.ts';
import { ms } from './scene.ts';

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

describe('compaction', () => {
  const MINUTE_MS = 60_000;

  /** How long each batch may take a store with one writer, of three that touch records that have been due for so long. */
  async function batchesAt(lagMs: number): Promise<readonly number[]> {
    await using scene = await openManaged({ policy: { ttl: ms(1000), lateRetryGrace: ms(0) } });
    for (let index = 0; index < 150; index += 1) {
      const key = `k-${index}`;
      await scene.client.complete(scene.holder(await scene.acquire({ key }), key));
    }
    scene.advance(1000 + lagMs);
    const times: number[] = [];
    const store: Store = {
      ...scene.store,
      async compact(request, options) {
        times.push(request.msMax ?? Infinity);
        return scene.store.compact({ ...request, limit: 50 }, options);
      },
    };
    const log = pino({ level: 'silent' });
    const compaction = createCompaction({ store, log, archived: async () => [] });
    const { recordsRemoved } = await compaction.run({ limit: Infinity });
    expect(recordsRemoved).toBe(150);
    return times;
  }

  test('takes short batches while records stay little longer than they must, and longer ones the longer they do', async () => {
    const { compactionBatchMs: shortest, compactionBatchMsMax: longest } = limits;
    expect(await batchesAt(MINUTE_MS)).toEqual([shortest, shortest, shortest]);
    const late = await batchesAt(20 * MINUTE_MS);
    expect(late[1]).toBeCloseTo((shortest + longest) / 2, 1);
    expect((await batchesAt(60 * MINUTE_MS))[1]).toBe(longest);
  });
});
