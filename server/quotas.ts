// Quotas of a namespace: begins a second, keys in progress, records. Kept in this server's memory: the rate is its own,
// the counts are the store's of about a second ago and what this server has done since. Approximate on purpose: an exact
// count would cost every begin a second question to the store.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace, Store, StoreStats } from '../storage/contract/index.ts';
import { Rejection } from './errors.ts';
import { limits } from './limits.ts';
import type { Policy } from './policy.ts';

export type CountedPolicy = Pick<Policy, 'beginsPerSecond' | 'inProgressMax' | 'recordsMax'>;

export interface Quotas {
  /** Counts one begin. Throws QUOTA_EXCEEDED when this second's are used up. */
  takeBegin(namespace: Namespace, policy: CountedPolicy): void;
  /** Undefined: a new attempt may start. Otherwise what to refuse one with; a key that stands may still be answered. */
  refusal(namespace: Namespace, policy: CountedPolicy): Promise<QuotaRefusal | undefined>;
  /** An attempt started here; `isNewKey` when there was no record. */
  began(namespace: Namespace, isNewKey: boolean): void;
  settled(namespace: Namespace): void;
}

export interface QuotaRefusal {
  readonly rejection: Rejection;
  /** The records are used up, so that a key which has one may still start an attempt. */
  readonly newKeysOnly: boolean;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

interface Counts {
  inProgress: number;
  records: number;
}

/** Namespaces whose rate is remembered; past it the oldest starts anew, since names come from callers. */
const BUCKETS_MAX = 10_000;

export interface QuotasOptions {
  readonly store: Pick<Store, 'stats'>;
  /** Monotonic; for tests. */
  readonly nowMs?: () => number;
}

export function createQuotas({ store, nowMs = () => performance.now() }: QuotasOptions): Quotas {
  const buckets = new Map<Namespace, Bucket>();
  let counts: Map<Namespace, Counts> | undefined;
  let since = new Map<Namespace, Counts>();
  let countedMs = -Infinity;
  let counting: Promise<void> | undefined;

  const count = async (): Promise<void> => {
    const fresh = new Map<Namespace, Counts>();
    countedMs = nowMs();
    const before = since;
    // Changes made while the store counts may be in its answer too: counted twice rather than not at all.
    since = fresh;
    try {
      counts = countsOf(await store.stats());
    } catch (error) {
      for (const [namespace, change] of before) add(since, namespace, change);
      // The last known counts hold.
      if (!(error instanceof Error)) throw error;
    } finally {
      counting = undefined;
    }
  };

  const current = async (namespace: Namespace): Promise<Counts> => {
    if (nowMs() - countedMs >= limits.quotaCountsMs) counting ??= count();
    if (counts === undefined) await Promise.race([counting, sleep(limits.quotaCountsMs, undefined, { ref: false })]);
    // A store that does not answer is told of by the verb that the begin is about; nobody waits for its counts again.
    counts ??= new Map();
    const known = counts.get(namespace) ?? NONE;
    const change = since.get(namespace) ?? NONE;
    return { inProgress: known.inProgress + change.inProgress, records: known.records + change.records };
  };

  return {
    takeBegin(namespace, { beginsPerSecond }) {
      if (beginsPerSecond === undefined) return;
      const atMs = nowMs();
      const bucket = buckets.get(namespace) ?? { tokens: beginsPerSecond, filledMs: atMs };
      const gained = ((atMs - bucket.filledMs) * beginsPerSecond) / 1000;
      bucket.tokens = Math.min(beginsPerSecond, bucket.tokens + gained);
      bucket.filledMs = atMs;
      remember(buckets, namespace, bucket);
      if (bucket.tokens < 1) {
        const retryAfterMs = Math.ceil(((1 - bucket.tokens) * 1000) / beginsPerSecond);
        throw exceeded({ quota: 'begins_per_second', limit: beginsPerSecond, retryAfterMs });
      }
      bucket.tokens -= 1;
    },

    async refusal(namespace, { inProgressMax = Infinity, recordsMax = Infinity }) {
      const { inProgress, records } = await current(namespace);
      const retryAfterMs = limits.quotaCountsMs;
      if (inProgress >= inProgressMax) {
        const rejection = exceeded({ quota: 'in_progress_max', limit: inProgressMax, retryAfterMs });
        return { rejection, newKeysOnly: false };
      }
      if (records < recordsMax) return undefined;
      return { rejection: exceeded({ quota: 'records_max', limit: recordsMax, retryAfterMs }), newKeysOnly: true };
    },

    began(namespace, isNewKey) {
      // Without a namespace that has such a quota nothing was ever counted, and nothing needs to be.
      if (counts !== undefined) add(since, namespace, { inProgress: 1, records: isNewKey ? 1 : 0 });
    },
    settled(namespace) {
      if (counts !== undefined) add(since, namespace, { inProgress: -1, records: 0 });
    },
  };
}

const NONE: Counts = { inProgress: 0, records: 0 };

function add(changes: Map<Namespace, Counts>, namespace: Namespace, change: Counts): void {
  const standing = changes.get(namespace) ?? NONE;
  changes.set(namespace, {
    inProgress: standing.inProgress + change.inProgress,
    records: standing.records + change.records,
  });
}

function remember(buckets: Map<Namespace, Bucket>, namespace: Namespace, bucket: Bucket): void {
  if (buckets.size >= BUCKETS_MAX && !buckets.has(namespace)) {
    const [oldest] = buckets.keys();
    if (oldest !== undefined) buckets.delete(oldest);
  }
  buckets.set(namespace, bucket);
}

function countsOf({ groups }: StoreStats): Map<Namespace, Counts> {
  const counts = new Map<Namespace, Counts>();
  for (const { namespace, state, records } of groups) {
    add(counts, namespace, { inProgress: state === 'IN_PROGRESS' ? records : 0, records });
  }
  return counts;
}

function exceeded(found: { readonly quota: string; readonly limit: number; readonly retryAfterMs: number }): Rejection {
  const { quota, limit, retryAfterMs } = found;
  return new Rejection('QUOTA_EXCEEDED', `the namespace has used up its quota (${quota}: ${limit})`, {
    metadata: { quota, limit: String(limit) },
    retryAfterMs,
  });
}
