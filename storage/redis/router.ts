// To which primary a call goes. One file a kind of place: single.ts (also behind Sentinels), cluster.ts.

import type { Answer, Operation } from './batch.ts';
import { NotSentError } from './errors.ts';
import type { Primary } from './primary.ts';
import type { Argument, ScriptCall } from './scripts.ts';

export interface Router {
  /** Runs an operation on a record, with the durability of the tier; others may share its call. */
  operate(operation: Operation): Promise<Answer>;
  /** Runs a script on the primary of a slot, with the durability of the tier. */
  run(slot: number, call: ScriptCall): Promise<unknown>;
  /** Runs a script that reads, with no promise of durability. */
  look(slot: number, call: ScriptCall): Promise<unknown>;
  /** Sends a command, with no promise of durability. */
  send(slot: number, name: string, args: readonly Argument[]): Promise<unknown>;
  /** The primaries as known now, by where they are. */
  primaries(): ReadonlyMap<string, Primary>;
  /** The primary that serves a slot as far as is known now. */
  primaryOf(slot: number): Primary | undefined;
  /** Resolves once what was asked before is answered; takes no more. */
  close(): Promise<void>;
}

/** A router whose close waits for the calls under way. They end by themselves: each has its time. */
export function finishing(router: Omit<Router, 'close'>, closeNow: () => void): Router {
  const idle = Promise.withResolvers<void>();
  let isClosing = false;
  let underWay = 0;

  const counted = async <T>(call: () => Promise<T>): Promise<T> => {
    if (isClosing) throw new NotSentError('the store was closed');
    underWay += 1;
    try {
      return await call();
    } finally {
      underWay -= 1;
      if (isClosing && underWay === 0) idle.resolve();
    }
  };

  return {
    ...router,
    operate: (operation) => counted(() => router.operate(operation)),
    run: (slot, call) => counted(() => router.run(slot, call)),
    look: (slot, call) => counted(() => router.look(slot, call)),
    send: (slot, name, args) => counted(() => router.send(slot, name, args)),
    async close() {
      isClosing = true;
      if (underWay > 0) await idle.promise;
      closeNow();
    },
  };
}
