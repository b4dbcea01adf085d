// The calls at the store that have no answer yet, in order of their start.

export interface PendingCall {
  readonly startMs: number;
  /** Whoever asked would rather hear that the store does not answer than wait for it. */
  readonly isHasty: boolean;
  /** Undefined once it has ended. */
  reject: Reject | undefined;
}

export type Reject = (error: Error) => void;

export interface PendingCalls {
  add(call: PendingCall): void;
  /** False when it had ended already. */
  end(call: PendingCall): boolean;
  /** Ends them and returns what to tell them by. */
  startedBefore(endMs: number): readonly Reject[];
  /** What to tell those by who are hasty; they go on, for whoever counts them. */
  hasty(): readonly Reject[];
  oldestStartMs(): number | undefined;
}

/** Empty places at the front that are carried along before the list is cut. */
const ENDED_KEPT = 256;

/**
 * An array, not a Set: a Set's old tables point at its newer ones, and one that the garbage collector has promoted keeps every
 * later call alive until a full collection (a fifth of a Session operation's CPU).
 */
export function createPendingCalls(): PendingCalls {
  const calls: (PendingCall | undefined)[] = [];
  let head = 0;
  const skipEnded = (): void => {
    while (head < calls.length && calls[head]?.reject === undefined) {
      calls[head] = undefined;
      head += 1;
    }
    if (head < ENDED_KEPT && head < calls.length) return;
    calls.splice(0, head);
    head = 0;
  };
  return {
    add: (call) => void calls.push(call),
    end(call) {
      if (call.reject === undefined) return false;
      call.reject = undefined;
      skipEnded();
      return true;
    },
    startedBefore(endMs) {
      const found: Reject[] = [];
      for (let place = head; place < calls.length; place += 1) {
        const call = calls[place];
        if (call?.reject === undefined) continue;
        if (call.startMs > endMs) break;
        found.push(call.reject);
        call.reject = undefined;
      }
      skipEnded();
      return found;
    },
    hasty: () => calls.slice(head).flatMap((call) => (call?.isHasty === true && call.reject ? [call.reject] : [])),
    oldestStartMs: () => calls[head]?.startMs,
  };
}
