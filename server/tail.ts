// Those who follow what this server is asked. Nobody following costs the hot path one comparison; a slow follower loses
// events and is told how many, the server never keeps more than a bounded number for it.

import type { Principal } from './principal.ts';

export interface TailedCall {
  readonly timeMs: number;
  readonly rpc: string;
  readonly namespace: string;
  readonly key: string;
  readonly outcome: string;
  readonly owner: string;
  readonly tookMs: number;
}

export interface TailFilter {
  /** Empty: all that the principal may list. */
  readonly namespace: string;
  readonly keyPrefix: string;
  readonly principal: Principal;
}

export interface TailBatch {
  readonly calls: readonly TailedCall[];
  readonly dropped: number;
}

export interface Tail {
  /** Whether anybody follows: what nobody sees need not be put together. */
  isFollowed(): boolean;
  saw(call: TailedCall): void;
  /** What matches, in batches; empty ones when nothing happened. Ends when the signal fires. */
  follow(filter: TailFilter, signal: AbortSignal | undefined): AsyncGenerator<TailBatch, void>;
}

export interface TailOptions {
  /** How often a follower is sent what came: a page cannot show more, and a message each would cost more than the calls. */
  readonly everyMs: number;
  /** Events between two batches that are kept for one follower. */
  readonly keptMax: number;
}

interface Follower {
  readonly filter: TailFilter;
  calls: TailedCall[];
  dropped: number;
}

export function createTail({ everyMs, keptMax }: TailOptions): Tail {
  const followers = new Set<Follower>();
  return {
    isFollowed: () => followers.size > 0,
    saw(call) {
      for (const follower of followers) {
        if (!matches(follower.filter, call)) continue;
        if (follower.calls.length < keptMax) follower.calls.push(call);
        else follower.dropped += 1;
      }
    },
    async *follow(filter, signal) {
      const follower: Follower = { filter, calls: [], dropped: 0 };
      followers.add(follower);
      try {
        const isOver = (): boolean => signal?.aborted === true;
        while (!isOver()) {
          const { calls, dropped } = follower;
          follower.calls = [];
          follower.dropped = 0;
          yield { calls, dropped };
          await pause(everyMs, signal);
        }
      } finally {
        followers.delete(follower);
      }
    },
  };
}

function matches({ namespace, keyPrefix, principal }: TailFilter, call: TailedCall): boolean {
  if (namespace !== '' && call.namespace !== namespace) return false;
  return call.key.startsWith(keyPrefix) && principal.may('list', call.namespace);
}

const pause = async (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
