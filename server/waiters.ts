// Callers who wait for a key. A waiter is a promise and an entry in a list: no thread, no connection, no transaction.
// An outcome wakes all who wait for its key; a release or a lapsed lease wakes one, who decides again from the top and
// passes the wake on if it leaves without the lease (see begin.ts).

import {
  isOutcome,
  nameOf,
  type EpochMs,
  type Found,
  type Namespace,
  type RecordId,
  type StoredRecord,
} from '../storage/contract/index.ts';
import { Rejection } from './errors.ts';
import { limits } from './limits.ts';

/** Why a waiter woke. An outcome is final, so the record comes along and needs no second look at the store. */
export type Wake =
  | { readonly kind: 'outcome'; readonly record: StoredRecord; readonly nowMs: EpochMs }
  | { readonly kind: 'look' }
  | { readonly kind: 'timeout' };

/** How to wake all who wait for a key of which one has looked: with what it found, if nothing else can come of it. */
export function wakeWith(found: Found | undefined): Wake {
  const { record, nowMs } = found ?? {};
  if (record === undefined || nowMs === undefined || !isOutcome(record)) return { kind: 'look' };
  return { kind: 'outcome', record, nowMs };
}

interface Waiter {
  readonly wake: (wake: Wake) => void;
}

interface Group {
  readonly waiters: Set<Waiter>;
  readonly namespace: Namespace;
  timer: NodeJS.Timeout | undefined;
}

export interface WaitRequest extends RecordId {
  readonly timeoutMs: number;
  /** When the lease that stands in the way runs out; one waiter is woken then. */
  readonly leaseRemainingMs: number;
  readonly waitersPerKeyMax: number;
  readonly waitersMax: number;
  readonly signal: AbortSignal | undefined;
}

export interface Waiters {
  /** Resolves once; rejects with QUOTA_EXCEEDED when too many wait already. */
  wait(request: WaitRequest): Promise<Wake>;
  wakeAll(id: RecordId, wake: Wake): void;
  wakeOne(id: RecordId): void;
  /** The lease on the key moved to somebody; whoever waits looks again when it runs out. */
  watchLease(id: RecordId, leaseRemainingMs: number): void;
  has(id: RecordId): boolean;
  /** Everybody looks once more (a drain answers them with in_progress). */
  wakeEverybody(wake: Wake): void;
}

export interface WaitersOptions {
  /** Undefined when no other server shares the store. */
  readonly pollMs: number | undefined;
  readonly onCount: (change: 1 | -1) => void;
}

export function createWaiters({ pollMs, onCount }: WaitersOptions): Waiters {
  const groups = new Map<string, Group>();
  const perNamespace = new Map<Namespace, number>();
  let waiting = 0;

  const count = (namespace: Namespace, change: 1 | -1): void => {
    const here = (perNamespace.get(namespace) ?? 0) + change;
    if (here === 0) perNamespace.delete(namespace);
    else perNamespace.set(namespace, here);
    waiting += change;
    onCount(change);
  };

  const groupOf = (request: WaitRequest): Group => {
    const name = nameOf(request);
    const group = groups.get(name) ?? { waiters: new Set(), namespace: request.namespace, timer: undefined };
    groups.set(name, group);
    return group;
  };

  const leave = (name: string, waiter: Waiter): void => {
    const group = groups.get(name);
    if (group?.waiters.delete(waiter) !== true) return;
    count(group.namespace, -1);
    if (group.waiters.size > 0) return;
    clearTimeout(group.timer);
    groups.delete(name);
  };

  const wakeFirst = (name: string): void => {
    const [first] = groups.get(name)?.waiters ?? [];
    first?.wake({ kind: 'look' });
  };

  const arm = (name: string, leaseRemainingMs: number): void => {
    const group = groups.get(name);
    if (group === undefined) return;
    clearTimeout(group.timer);
    const pollDelayMs = pollMs === undefined ? Infinity : pollMs * (0.75 + Math.random() / 2);
    const delayMs = Math.max(1, Math.min(leaseRemainingMs, pollDelayMs));
    group.timer = setTimeout(() => {
      // Armed again at once: the waiter that is woken may be gone before it has looked.
      arm(name, limits.waiterPollMs);
      wakeFirst(name);
    }, delayMs);
  };

  const checkQuota = (request: WaitRequest): void => {
    const refuse = (quota: string, limit: number): never => {
      throw new Rejection('QUOTA_EXCEEDED', `too many callers wait already (${quota}: ${limit})`, {
        metadata: { quota, limit: String(limit) },
        retryAfterMs: limits.retryAfterMsHintMax,
      });
    };
    if ((groups.get(nameOf(request))?.waiters.size ?? 0) >= request.waitersPerKeyMax) {
      refuse('waiters_per_key_max', request.waitersPerKeyMax);
    }
    if ((perNamespace.get(request.namespace) ?? 0) >= request.waitersMax) refuse('waiters_max', request.waitersMax);
    if (waiting >= limits.waitersMax) refuse('waiters of the server', limits.waitersMax);
  };

  return {
    async wait(request) {
      checkQuota(request);
      const name = nameOf(request);
      const group = groupOf(request);
      return new Promise<Wake>((resolve) => {
        const settle = (wake: Wake): void => {
          clearTimeout(timer);
          request.signal?.removeEventListener('abort', onAbort);
          leave(name, waiter);
          resolve(wake);
        };
        const waiter: Waiter = { wake: settle };
        const onAbort = (): void => settle({ kind: 'timeout' });
        const timer = setTimeout(() => settle({ kind: 'timeout' }), request.timeoutMs);
        request.signal?.addEventListener('abort', onAbort, { once: true });
        group.waiters.add(waiter);
        count(request.namespace, 1);
        arm(name, request.leaseRemainingMs);
      });
    },

    wakeAll(id, wake) {
      if (groups.size === 0) return;
      for (const waiter of groups.get(nameOf(id))?.waiters ?? []) waiter.wake(wake);
    },

    wakeOne(id) {
      if (groups.size > 0) wakeFirst(nameOf(id));
    },
    watchLease(id, leaseRemainingMs) {
      if (groups.size > 0) arm(nameOf(id), leaseRemainingMs);
    },
    has: (id) => groups.size > 0 && groups.has(nameOf(id)),

    wakeEverybody(wake) {
      for (const group of groups.values()) for (const waiter of group.waiters) waiter.wake(wake);
    },
  };
}
