// Who compacts when several servers share a store.

import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { createCompaction, type Compaction } from '../../server/compaction.ts';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';

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
