// Those who follow a key. However many they are, a key is read once for all of them: after each change that this
// server makes or hears of, and now and then in case another server's change was not heard of. A slow reader misses
// what came in between, never the latest.

import { isExpired, isLive, nameOf, type Found, type RecordId, type Store } from '../storage/contract/index.ts';

export interface Watchers {
  /** The record as it is now, then as it is after each look at it, until the signal fires. */
  watch(id: RecordId, signal: AbortSignal | undefined): AsyncGenerator<Found, void>;
  /** Somebody wrote this key. Costs a map look-up when nobody follows it. */
  changed(id: RecordId): void;
}

interface Follower {
  latest: Found | undefined;
  /** What the latest look that it was given showed. */
  seen: string | undefined;
  wake: () => void;
}

interface Group {
  readonly id: RecordId;
  readonly followers: Set<Follower>;
  timer: NodeJS.Timeout | undefined;
  isReading: boolean;
  isChanged: boolean;
}

export interface WatchersOptions {
  readonly store: Pick<Store, 'read'>;
  /** How often a followed key is read without a sign of change: leases lapse and other servers write. */
  readonly pollMs: number;
}

export function createWatchers({ store, pollMs }: WatchersOptions): Watchers {
  const groups = new Map<string, Group>();

  const look = (group: Group): void => {
    if (group.isReading) {
      group.isChanged = true;
      return;
    }
    group.isReading = true;
    group.isChanged = false;
    clearTimeout(group.timer);
    store.read({ ...group.id, includeResult: true }).then(
      (found) => lookedAt(group, found),
      // The store's trouble is told to nobody: followers keep what they have, and the next look may succeed.
      () => lookedAt(group, undefined),
    );
  };

  const lookedAt = (group: Group, found: Found | undefined): void => {
    group.isReading = false;
    const seen = found === undefined ? undefined : seenOf(found);
    for (const follower of group.followers) {
      // A read that one who just came made necessary must not wake the thousands who know it all.
      if (found === undefined || seen === undefined || follower.seen === seen) continue;
      follower.seen = seen;
      follower.latest = found;
      follower.wake();
    }
    if (group.followers.size === 0) return;
    if (group.isChanged) look(group);
    else group.timer = setTimeout(() => look(group), pollMs * (0.75 + Math.random() / 2));
  };

  const join = (id: RecordId, follower: Follower): Group => {
    const name = nameOf(id);
    const group = groups.get(name) ?? {
      id: { namespace: id.namespace, key: id.key },
      followers: new Set(),
      timer: undefined,
      isReading: false,
      isChanged: false,
    };
    groups.set(name, group);
    group.followers.add(follower);
    look(group);
    return group;
  };

  const leave = (group: Group, follower: Follower): void => {
    group.followers.delete(follower);
    if (group.followers.size > 0) return;
    clearTimeout(group.timer);
    if (groups.get(nameOf(group.id)) === group) groups.delete(nameOf(group.id));
  };

  return {
    async *watch(id, signal) {
      const follower: Follower = { latest: undefined, seen: undefined, wake: () => undefined };
      const isOver = (): boolean => signal?.aborted === true;
      const onAbort = (): void => follower.wake();
      signal?.addEventListener('abort', onAbort);
      const group = join(id, follower);
      try {
        while (!isOver()) {
          const found = follower.latest;
          follower.latest = undefined;
          if (found === undefined) await new Promise<void>((resolve) => (follower.wake = resolve));
          else yield found;
        }
      } finally {
        signal?.removeEventListener('abort', onAbort);
        leave(group, follower);
      }
    },
    changed(id) {
      if (groups.size === 0) return;
      const group = groups.get(nameOf(id));
      if (group !== undefined) look(group);
    },
  };
}

/** Equal for two looks that show the same. */
const seenOf = ({ record, nowMs }: Found): string =>
  record === undefined ? '' : `${record.revision} ${isLive(record, nowMs)} ${isExpired(record, nowMs)}`;
