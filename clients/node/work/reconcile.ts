// Orphans: keys of which nobody knows whether their side effect happened. Claims some, lets the caller ask the provider,
// and records what it found out.

import type { OncedClient } from '../client.ts';
import type { Log } from '../options.ts';
import { perform, type PerformOptions, type WorkContext } from './perform.ts';
import type { ClaimedOrphan, IntentRecord } from '../types.ts';

export interface ReconcileOptions extends PerformOptions {
  /** Orphans to take at a time. 1 to 100. Default: 10. */
  readonly limit?: number;
  /** Who reconciles, for people. Up to 256 bytes. Default: the client's `owner`. */
  readonly owner?: string;
  /** Told of each orphan whose review threw. Default: nobody; the log hook is told too. */
  readonly onError?: (record: IntentRecord, error: unknown) => void;
}

/**
 * Finds out what became of one operation. Return its result when it was done. Throw RetryableError when it was not done
 * (the next caller then does it), FinalError when it was not and must not be; anything else leaves it an orphan.
 */
export type Review = (record: IntentRecord, context: WorkContext) => unknown;

export interface Reconciled {
  readonly claimed: number;
  /** Now completed. */
  readonly completed: number;
}

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
  const done = await Promise.all(orphans.map(async (orphan) => reviewOne(client, orphan, review, options)));
  return { claimed: orphans.length, completed: done.filter(Boolean).length };
}

async function reviewOne(
  client: OncedClient,
  { record, acquired }: ClaimedOrphan,
  review: Review,
  options: ReconcileOptions & { readonly log: Log },
): Promise<boolean> {
  const hold = { namespace: record.namespace, key: record.key, leaseToken: acquired.leaseToken };
  try {
    await perform(client, { hold, acquired }, async (context) => review(record, context), options);
    return true;
  } catch (error) {
    options.log('info', 'an orphan was not completed', { detail: String(error) });
    options.onError?.(record, error);
    return false;
  }
}
