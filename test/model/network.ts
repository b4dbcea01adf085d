// A store behind a network that loses requests and replies, one verb at a time, in an order that chance decides. The
// clock stands still while a verb is carried out and its caller thinks about the answer.

import { setImmediate } from 'node:timers/promises';
import { StoreError, type EpochMs, type Store, type Written } from '../../storage/contract/index.ts';
import type { CallerStore } from './caller.ts';
import type { Random } from './random.ts';

export interface Network {
  /** The store as callers reach it: each verb waits for its turn, and may be lost on the way there or back. */
  readonly store: CallerStore;
  /** Waits for a turn without asking the store anything. */
  readonly pause: () => Promise<void>;
  /** Gives one waiting caller its turn and lets it run until it waits again. False when nobody waits. */
  step(): Promise<boolean>;
  /** From here on nothing is lost. */
  heal(): void;
}

/** The cause of an `unknown`: what the caller was not told. */
export type LostReply = Written;

const LOST_REQUESTS = 0.05;
const LOST_REPLIES = 0.1;

export function createNetwork(store: Store, random: Random, clock: () => EpochMs): Network {
  const waiting: (() => void)[] = [];
  let underway: Promise<unknown> = Promise.resolve();
  let isHealed = false;

  const pause = (): Promise<void> => new Promise((resolve) => void waiting.push(resolve));

  async function undisturbed<Answer>(verb: (at: { nowMs: EpochMs }) => Promise<Answer>): Promise<Answer> {
    await pause();
    const answer = verb({ nowMs: clock() });
    underway = Promise.allSettled([answer]);
    return answer;
  }

  async function disturbed<Answer extends Written>(verb: (at: { nowMs: EpochMs }) => Promise<Answer>): Promise<Answer> {
    const isRequestLost = !isHealed && random.chance(LOST_REQUESTS);
    const isReplyLost = !isHealed && random.chance(LOST_REPLIES);
    if (isRequestLost) {
      await pause();
      throw new StoreError('unavailable', 'the request was lost');
    }
    const answer = await undisturbed(verb);
    if (!isReplyLost) return answer;
    const cause: LostReply = answer;
    throw new StoreError('unknown', 'the reply was lost', { cause });
  }

  return {
    store: {
      claim: (request) => disturbed((at) => store.claim(request, at)),
      extend: (request) => disturbed((at) => store.extend(request, at)),
      settle: (request) => disturbed((at) => store.settle(request, at)),
      list: (request) => undisturbed((at) => store.list(request, at)),
      // At once, so that a history can choose the millisecond.
      compact: (request) => store.compact(request, { nowMs: clock() }),
    },
    pause,
    async step() {
      if (waiting.length === 0) return false;
      const [turn] = waiting.splice(random.between(0, waiting.length - 1), 1);
      turn?.();
      // Once for the verb to begin, once more for its caller to think about the answer.
      await setImmediate();
      await underway;
      await setImmediate();
      return true;
    },
    heal: () => {
      isHealed = true;
    },
  };
}
