// A worker for orphans: takes a few, has them reviewed, and goes on until it is told to end. Any number of them may run, in
// any number of processes: the server gives each orphan to one, and what a worker leaves behind when it dies can be
// taken by the others as soon as its lease is over.

import type { OncedClient } from '../client.ts';
import type { Log } from '../options.ts';
import { backoffMs, sleep } from '../signals.ts';
import { reconcile, type Reconciled, type ReconcileOptions, type Review } from './reconcile.ts';
import { mayPass } from './settle.ts';

export interface KeepReconcilingOptions extends ReconcileOptions {
  /** Ends the worker: it takes no more orphans, and resolves once the reviews in hand are recorded. */
  readonly signal: AbortSignal;
  /** Orphans taken a second, on average: what the provider can be asked beside its other work. Default: 10. */
  readonly reviewsPerSecondMax?: number;
  /** Milliseconds to wait where there was no orphan, give or take a quarter. Default: 5,000. */
  readonly idleMs?: number;
}

const REVIEWS_PER_SECOND_MAX = 10;
const IDLE_MS = 5_000;
/** Long enough that orphans of which nobody can tell do not take the turns of those behind them. */
const KEEP_MS = 60_000;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 10_000;

const NOTHING: Reconciled = { claimed: 0, completed: 0, failed: 0, released: 0, kept: 0 };

/** Resolves with what was done in all. Rejects with a refusal that no repeat would change, such as PermissionDeniedError. */
export async function keepReconciling(
  client: OncedClient,
  namespace: string,
  review: Review,
  options: KeepReconcilingOptions & { readonly log: Log },
): Promise<Reconciled> {
  const { signal, reviewsPerSecondMax = REVIEWS_PER_SECOND_MAX, idleMs = IDLE_MS, log } = options;
  if (!(reviewsPerSecondMax > 0)) {
    throw new RangeError(`reviewsPerSecondMax must be above 0, found ${reviewsPerSecondMax}`);
  }
  let total = NOTHING;
  let failures = 0;
  const round = async (): Promise<number> => {
    const startMs = performance.now();
    try {
      const done = await reconcile(client, namespace, review, { keepMs: KEEP_MS, ...options });
      failures = 0;
      total = sum(total, done);
      if (done.claimed === 0) return idleMs * (0.75 + Math.random() / 2);
      return startMs + (done.claimed * 1000) / reviewsPerSecondMax - performance.now();
    } catch (error) {
      if (!mayPass(error)) throw error;
      log('warn', 'orphans could not be taken: trying on', { detail: String(error) });
      return backoffMs({ tries: failures++, min: BACKOFF_MS_MIN, max: BACKOFF_MS_MAX });
    }
  };
  while (!signal.aborted) {
    const pauseMs = await round();
    await sleep(Math.max(0, pauseMs), signal).catch(() => {});
  }
  return total;
}

const sum = (a: Reconciled, b: Reconciled): Reconciled => ({
  claimed: a.claimed + b.claimed,
  completed: a.completed + b.completed,
  failed: a.failed + b.failed,
  released: a.released + b.released,
  kept: a.kept + b.kept,
});
