// Orphans: keys of which nobody knows whether their side effect happened. Claims some, lets the caller ask the provider,
// and records what it found out.

import type { OncedClient } from '../client.ts';
import type { Log } from '../options.ts';
import { perform, type PerformOptions, type WorkContext } from './perform.ts';
import type { ThrowMeans } from './settle.ts';
import type { ClaimedOrphan, IntentRecord } from '../types.ts';
import { IntentFailedError, RetryableError } from './work-errors.ts';

export interface ReconcileOptions extends PerformOptions {
  /** Orphans to take at a time, and to review at once. 1 to 100. Default: 10. */
  readonly limit?: number;
  /** Who reconciles, for people. Up to 256 bytes. Default: the client's `owner`. */
  readonly owner?: string;
  /**
   * Milliseconds until an orphan of which the review could not tell is handed out again: so long it is leased to nobody
   * in particular, and the orphans behind it get their turn. 100 to 86,400,000. Default: 60,000 for keepReconciling; for
   * a single round it is an orphan again at once.
   */
  readonly keepMs?: number;
  /** Told of each orphan whose review threw. Default: nobody; the log hook is told too. */
  readonly onError?: (record: IntentRecord, error: unknown) => void;
}

/**
 * Finds out what became of one operation: from its key, its labels, and the checkpoint in `context.previousCheckpoint`.
 * Return its result when it was done. Throw RetryableError when it was not done (the next caller then does it), FinalError
 * when it was not and must not be; anything else leaves it an orphan.
 */
export type Review = (record: IntentRecord, context: WorkContext) => unknown;

/** How many orphans, and what their reviews came to. */
export interface Reconciled {
  readonly claimed: number;
  /** Their result is recorded. */
  readonly completed: number;
  /** Failed for good. */
  readonly failed: number;
  /** The next caller does them. */
  readonly released: number;
  /** Still orphans: nobody could tell, or the outcome could not be recorded. */
  readonly kept: number;
}

type End = Exclude<keyof Reconciled, 'claimed'>;

/** Takes orphans of the namespace, all at once, and reviews each under a lease of its own. Call it now and then. */
export async function reconcile(
  client: OncedClient,
  namespace: string,
  review: Review,
  options: ReconcileOptions & { readonly log: Log },
): Promise<Reconciled> {
  const { limit, leaseMs, owner } = options;
  const orphans = await client.claimOrphans({
    namespace,
    ...(limit === undefined ? {} : { limit }),
    ...(leaseMs === undefined ? {} : { leaseMs }),
    ...(owner === undefined ? {} : { owner }),
  });
  const ends = await Promise.all(orphans.map(async (orphan) => reviewOne(client, orphan, review, options)));
  const count = (end: End): number => ends.filter((each) => each === end).length;
  return {
    claimed: orphans.length,
    completed: count('completed'),
    failed: count('failed'),
    released: count('released'),
    kept: count('kept'),
  };
}

async function reviewOne(
  client: OncedClient,
  { record, acquired }: ClaimedOrphan,
  review: Review,
  options: ReconcileOptions & { readonly log: Log },
): Promise<End> {
  const hold = { namespace: record.namespace, key: record.key, leaseToken: acquired.leaseToken };
  let meant = 'unknown' as ThrowMeans;
  const onThrow = (thrown: unknown): ThrowMeans => (meant = options.onThrow?.(thrown) ?? 'unknown');
  try {
    await perform(client, { hold, acquired }, async (context) => review(record, context), { ...options, onThrow });
    return 'completed';
  } catch (error) {
    options.log('info', 'an orphan was not completed', { detail: String(error) });
    options.onError?.(record, error);
    if (error instanceof IntentFailedError) return 'failed';
    return error instanceof RetryableError || meant === 'retryable' ? 'released' : 'kept';
  }
}
