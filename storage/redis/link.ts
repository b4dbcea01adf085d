// One connection to one node. Adds what ioredis lacks: every call ends, and it is known whether it was sent.

import type { Redis } from 'ioredis';
import { QuickCommand } from './command.ts';
import { isNoScript, NoAnswerError, NotSentError } from './errors.ts';
import { createGate } from './gate.ts';
import { CALL_MS_MAX, SWEEP_MS } from './limits.ts';
import { evalArguments, type Argument, type ScriptCall } from './scripts.ts';

export interface Link {
  /** Commands can be sent now. */
  readonly isReady: boolean;
  /** Resolves once commands can be sent; rejects with NotSentError when that takes too long. */
  ready(): Promise<void>;
  /** Sends at once, behind what was sent before; rejects with NotSentError when not connected. Replies are buffers. */
  send(name: string, args: readonly Argument[]): Promise<unknown>;
  /** Runs a script, by its text where the node has not seen it. `asking`: of a slot that is on its way to this node. */
  run(call: ScriptCall, asking: boolean): Promise<unknown>;
  /** Calls under way fail. */
  close(): void;
}

interface Pending {
  readonly sinceMs: number;
  readonly reject: (error: Error) => void;
}

/** Takes a connection that was not opened yet, opens it, and opens it again whenever it is lost. */
export function createLink(redis: Redis): Link {
  const gate = createGate(redis);
  // In the order of sending, which is also that of the replies: the first is the oldest.
  const pending = new Set<Pending>();

  const send = (name: string, args: readonly Argument[]): Promise<unknown> => {
    if (!gate.isOpen) return Promise.reject(new NotSentError('not connected to Redis'));
    together(redis.stream);
    return new Promise((resolve, reject) => {
      const call = { sinceMs: performance.now(), reject };
      pending.add(call);
      const sent = redis.sendCommand(new QuickCommand(name, args)) as Promise<unknown>;
      sent.then(
        (reply) => {
          pending.delete(call);
          resolve(reply);
        },
        (error: Error) => {
          pending.delete(call);
          reject(NOT_WRITABLE.test(error.message) ? new NotSentError(error.message) : error);
        },
      );
    });
  };

  const run = (call: ScriptCall, by: 'sha' | 'text', asking: boolean): Promise<unknown> => {
    // Both leave in this tick, one behind the other.
    if (asking) send('asking', []).catch(() => undefined);
    return send(by === 'sha' ? 'evalsha' : 'eval', evalArguments(call, by));
  };

  let suspect: number | undefined;
  const sweep = setInterval(() => {
    const [oldest] = pending;
    const sinceMs = oldest?.sinceMs ?? gate.handshakeSinceMs;
    const isLate = sinceMs !== undefined && performance.now() - sinceMs > CALL_MS_MAX;
    // Late twice: if it was this process that stood still, the reply may only wait to be read.
    const isLost = isLate && suspect === sinceMs;
    suspect = isLate ? sinceMs : undefined;
    if (!isLost) return;
    // A peer that is silent for one call is so for all behind it.
    const error = new NoAnswerError(`no answer within ${CALL_MS_MAX} ms`);
    for (const call of pending) call.reject(error);
    pending.clear();
    redis.disconnect(true);
  }, SWEEP_MS);
  sweep.unref();

  return {
    get isReady() {
      return gate.isOpen;
    },
    ready: () => gate.ready(),
    send,
    async run(call, asking) {
      if (!gate.isOpen) await gate.ready();
      try {
        return await run(call, 'sha', asking);
      } catch (error) {
        if (!isNoScript(error)) throw error;
        return run(call, 'text', asking);
      }
    },
    close() {
      clearInterval(sweep);
      redis.disconnect();
    },
  };
}

/**
 * What is sent within a tick leaves in one write: Redis then reads it at once, and with appendfsync always flushes it once.
 */
function together(stream: Redis['stream']): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** What ioredis says of a command that it did not write to the socket. */
const NOT_WRITABLE = /isn't writeable/;
