// Whether the store can do its job: the checks of the start made again every 30 seconds, and a real write on demand.

import { refusalOf, StoreError } from '../contract/index.ts';
import { checkFacts, type Wanted } from './checks.ts';
import { replyCode, storeErrorOf } from './errors.ts';
import { gatherFacts } from './facts.ts';
import type { Keys } from './keys.ts';
import { CHECK_MS } from './limits.ts';
import { probeCall } from './probe.ts';
import type { Router } from './router.ts';

export interface Watch {
  /** Resolves once a claim ran somewhere; rejects with StoreError when none did, or when a check forbids to go on. */
  ping(): Promise<void>;
  close(): void;
}

export interface WatchOptions {
  readonly router: Router;
  readonly keys: Keys;
  readonly wanted: Wanted;
  /** Shorter in tests. */
  readonly everyMs?: number;
}

/**
 * Checks whose failure breaks a promise in silence. The others (a slot that nobody serves, a replica that is away) show in
 * the calls that they concern, and must not stop those that they do not.
 */
const BREAKS_PROMISES = new Set([
  'maxmemory-policy',
  'evicted_keys',
  'appendonly',
  'appendfsync',
  'clocks of the primaries',
  'layout',
]);

export function createWatch({ router, keys, wanted, everyMs = CHECK_MS }: WatchOptions): Watch {
  let trouble: string | undefined;

  const check = async (): Promise<void> => {
    const checks = checkFacts(await gatherFacts(router, keys), wanted);
    trouble = refusalOf(checks.filter(({ name }) => BREAKS_PROMISES.has(name)));
  };
  const timer = setInterval(() => {
    // A node that does not answer is no news of what it would have said.
    check().catch(() => undefined);
  }, everyMs);
  timer.unref();

  const write = async (): Promise<void> => {
    const probes = [...router.primaries().values()].flatMap((primary) => {
      const shard = keys.shards.find(({ slot }) => router.primaryOf(slot) === primary);
      return shard === undefined ? [] : [primary.run(probeCall(shard), false)];
    });
    await Promise.any(probes);
  };

  return {
    async ping() {
      if (trouble !== undefined) throw new StoreError('unavailable', trouble);
      try {
        await write();
      } catch (error) {
        const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
        // Full: no new keys, but what is held can be settled and what is done replayed, which is a job, too.
        if (replyCode(first) !== 'OOM') throw storeErrorOf(first, { writes: false });
      }
    },
    close: () => clearInterval(timer),
  };
}
