// Whether a connection can be used now, and waiting until it can.

import type { Redis } from 'ioredis';
import { NotSentError } from './errors.ts';
import { READY_MS_MAX } from './limits.ts';

export interface Gate {
  readonly isOpen: boolean;
  /** Resolves once open; rejects with NotSentError when that takes too long, at once when it has taken too long already. */
  ready(): Promise<void>;
  /** While the node is asked who it is and has not answered. */
  readonly handshakeSinceMs: number | undefined;
}

/** Opens the connection and lets calls wait for one that is being made, but not for one that has been lost for long. */
export function createGate(redis: Redis): Gate {
  let opened = Promise.withResolvers<void>();
  let downSinceMs: number | undefined = performance.now();
  let handshakeSinceMs: number | undefined;
  let lastError: Error | undefined;

  redis.on('connect', () => {
    handshakeSinceMs = performance.now();
  });
  redis.on('ready', () => {
    handshakeSinceMs = undefined;
    downSinceMs = undefined;
    opened.resolve();
  });
  redis.on('close', () => {
    handshakeSinceMs = undefined;
    if (downSinceMs !== undefined) return;
    downSinceMs = performance.now();
    opened = Promise.withResolvers();
  });
  redis.on('error', (error: Error) => {
    lastError = error;
  });
  redis.connect().catch(() => undefined);

  // A connection that this side has ended is still called ready until the other side has, too.
  const isOpen = (): boolean => redis.status === 'ready' && redis.stream.writable;

  return {
    get isOpen() {
      return isOpen();
    },
    get handshakeSinceMs() {
      return handshakeSinceMs;
    },
    async ready() {
      const untilMs = (downSinceMs ?? performance.now()) + READY_MS_MAX;
      while (!isOpen()) {
        const leftMs = untilMs - performance.now();
        if (leftMs <= 0) throw notConnected(lastError);
        await (downSinceMs === undefined ? pause(ENDING_MS) : Promise.race([opened.promise, pause(leftMs)]));
      }
    },
  };
}

/** Between looks at a connection that is ending. */
const ENDING_MS = 5;

function notConnected(cause: Error | undefined): NotSentError {
  return new NotSentError(`not connected to Redis${cause === undefined ? '' : `: ${cause.message}`}`, { cause });
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
