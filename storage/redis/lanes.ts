// Tier replica: a script counts as done once enough replicas have confirmed it (WAIT). WAIT blocks its connection and
// counts only what was written on it, so writes travel on a few connections of their own: each takes what is waiting,
// sends it with one WAIT behind, and takes the next when the count came back.

import { isNoScript, NoAnswerError, NotSentError } from './errors.ts';
import { CALL_MS_MAX, LANE_BATCH_MAX, LANE_QUEUE_MAX, LANES, WAIT_MS_MAX } from './limits.ts';
import type { Link } from './link.ts';
import { evalArguments, type ScriptCall } from './scripts.ts';

export interface Lanes {
  /** Rejects with NoAnswerError when too few replicas confirmed: then the write may stand or not. */
  run(call: ScriptCall, asking: boolean): Promise<unknown>;
  close(): void;
}

export interface LanesOptions {
  readonly connect: () => Link;
  readonly replicas: number;
}

interface Waiting {
  readonly call: ScriptCall;
  readonly asking: boolean;
  readonly sinceMs: number;
  by: 'sha' | 'text';
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export function createLanes({ connect, replicas }: LanesOptions): Lanes {
  const links = Array.from({ length: LANES }, connect);
  const idle = [...links];
  const queue: Waiting[] = [];
  let isPumping = false;

  // At the end of the tick, so that what was asked in it leaves together.
  const pumpSoon = (): void => {
    if (isPumping) return;
    isPumping = true;
    process.nextTick(() => {
      isPumping = false;
      while (queue.length > 0) {
        const link = idle.pop();
        if (link === undefined) return;
        void serve(link, queue.splice(0, LANE_BATCH_MAX));
      }
    });
  };

  const serve = async (link: Link, batch: readonly Waiting[]): Promise<void> => {
    try {
      await link.ready();
      const again = await confirm(link, withoutLate(batch), replicas);
      queue.unshift(...again);
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    } finally {
      idle.push(link);
      pumpSoon();
    }
  };

  return {
    run(call, asking) {
      if (queue.length >= LANE_QUEUE_MAX) {
        return Promise.reject(new NotSentError(`${LANE_QUEUE_MAX} calls wait for a connection already`));
      }
      return new Promise((resolve, reject) => {
        queue.push({ call, asking, sinceMs: performance.now(), by: 'sha', resolve, reject });
        pumpSoon();
      });
    },
    close() {
      for (const waiting of queue.splice(0)) waiting.reject(new NotSentError('the store was closed'));
      for (const link of links) link.close();
    },
  };
}

/** Sends the batch and one WAIT, settles its calls, and returns those that must be sent again by their text. */
async function confirm(link: Link, batch: readonly Waiting[], replicas: number): Promise<readonly Waiting[]> {
  const replies = batch.map(({ call, asking, by }) => {
    if (asking) link.send('asking', []).catch(() => undefined);
    return link.send(by === 'sha' ? 'evalsha' : 'eval', evalArguments(call, by));
  });
  const [wait, ...settled] = await Promise.allSettled([link.send('wait', [replicas, WAIT_MS_MAX]), ...replies]);
  const confirmed = wait.status === 'fulfilled' ? Number(wait.value) : 0;
  const again: Waiting[] = [];
  for (const [index, waiting] of batch.entries()) {
    const reply = settled[index];
    if (reply?.status === 'fulfilled' && confirmed >= replicas) waiting.resolve(reply.value);
    else if (reply?.status === 'fulfilled') waiting.reject(new NoAnswerError(shortOf(confirmed, replicas)));
    else if (isNoScript(reply?.reason) && waiting.by === 'sha') {
      waiting.by = 'text';
      again.push(waiting);
    } else waiting.reject(reply?.reason);
  }
  return again;
}

const shortOf = (confirmed: number, replicas: number): string =>
  `${confirmed} of ${replicas} replicas confirmed the write within ${WAIT_MS_MAX} ms`;

/** Tells those that have waited for a lane too long, and returns the others. */
function withoutLate(batch: readonly Waiting[]): readonly Waiting[] {
  const nowMs = performance.now();
  return batch.filter((waiting) => {
    const isLate = nowMs - waiting.sinceMs > CALL_MS_MAX;
    if (isLate) waiting.reject(new NotSentError(`no connection was free within ${CALL_MS_MAX} ms`));
    return !isLate;
  });
}
