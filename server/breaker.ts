// A store behind a circuit breaker: while it is down, calls are refused at once instead of waiting for it. Opens after
// failures in a row, or when half of the calls of the last seconds failed; a single probe at a time closes it again.

import {
  StoreError,
  type ClaimRequest,
  type ExtendRequest,
  type ListRequest,
  type ReadRequest,
  type SettleRequest,
  type Store,
  type VerbOptions,
} from '../storage/contract/index.ts';
import { limits } from './limits.ts';

export interface Breaker {
  readonly store: Store;
  isOpen(): boolean;
  /** Asks the store now, once for all who ask meanwhile, and opens when it does not answer. True when it is down. */
  isDown(): Promise<boolean>;
  /** Called each time that the store is back. */
  onClosed(listener: () => void): void;
  stop(): void;
}

interface Pending {
  readonly startMs: number;
  /** Undefined once answered. */
  overdue: (() => void) | undefined;
}

interface Second {
  readonly atMs: number;
  answered: number;
  failed: number;
}

interface PendingCalls {
  add(entry: Pending): void;
  /** False when it had ended already. */
  end(entry: Pending): boolean;
  /** Ends them and returns what to tell them. */
  startedBefore(endMs: number): readonly (() => void)[];
}

/** Empty places at the front that are carried along before the list is cut. */
const ENDED_KEPT = 256;

/**
 * In order of their start. An array, not a Set: a Set's old tables point at its newer ones, and one that the garbage
 * collector has promoted keeps every later call alive until a full collection (a fifth of a Session operation's CPU).
 */
function createPending(): PendingCalls {
  const entries: (Pending | undefined)[] = [];
  let head = 0;
  const skipEnded = (): void => {
    while (head < entries.length && entries[head]?.overdue === undefined) {
      entries[head] = undefined;
      head += 1;
    }
    if (head < ENDED_KEPT && head < entries.length) return;
    entries.splice(0, head);
    head = 0;
  };
  return {
    add: (entry) => void entries.push(entry),
    end(entry) {
      if (entry.overdue === undefined) return false;
      entry.overdue = undefined;
      skipEnded();
      return true;
    },
    startedBefore(endMs) {
      const found: (() => void)[] = [];
      for (let place = head; place < entries.length; place += 1) {
        const entry = entries[place];
        if (entry?.overdue === undefined) continue;
        if (entry.startMs > endMs) break;
        found.push(entry.overdue);
        entry.overdue = undefined;
      }
      skipEnded();
      return found;
    },
  };
}

const refused = (): Promise<never> =>
  Promise.reject(new StoreError('unavailable', 'the store does not answer; it is asked again in a moment'));

export function createBreaker(inner: Store): Breaker {
  const pending = createPending();
  const listeners = new Set<() => void>();
  let isOpen = false;
  let failuresInRow = 0;
  let seconds: Second[] = [];
  let probe: Promise<boolean> | undefined;

  const count = (isFailure: boolean): void => {
    failuresInRow = isFailure ? failuresInRow + 1 : 0;
    const nowMs = performance.now();
    let last = seconds.at(-1);
    if (last === undefined || nowMs - last.atMs >= 1000) {
      last = { atMs: nowMs, answered: 0, failed: 0 };
      seconds = [...seconds.filter(({ atMs }) => nowMs - atMs < limits.breakerWindowMs), last];
    }
    last.answered += 1;
    if (!isFailure) return;
    last.failed += 1;
    const failed = sum(seconds.map((second) => second.failed));
    const answered = sum(seconds.map((second) => second.answered));
    const isHalf = failed >= limits.breakerFailuresMin && failed * 2 >= answered;
    if (failuresInRow >= limits.breakerFailuresInRow || isHalf) isOpen = true;
  };

  const guarded = <T>(call: () => Promise<T>): Promise<T> => {
    if (isOpen) return refused();
    return new Promise<T>((resolve, reject) => {
      const entry: Pending = {
        startMs: performance.now(),
        overdue: () => reject(new StoreError('unknown', `the store did not answer within ${limits.storeVerbMsMax} ms`)),
      };
      pending.add(entry);
      call().then(
        (value) => {
          if (pending.end(entry)) count(false);
          resolve(value);
        },
        (error: unknown) => {
          if (pending.end(entry)) count(isOutage(error));
          reject(error);
        },
      );
    });
  };

  /** Who waits too long is told so; the store's late answer then counts no more. */
  const watchPending = (): void => {
    const endMs = performance.now() - limits.storeVerbMsMax;
    for (const overdue of pending.startedBefore(endMs)) {
      count(true);
      overdue();
    }
  };

  const ask = async (): Promise<boolean> => {
    try {
      const timeout = AbortSignal.timeout(limits.breakerProbeMsMax);
      const overdue = new Promise<never>((_resolve, reject) =>
        timeout.addEventListener('abort', () => reject(new Error('overdue')), { once: true }),
      );
      await Promise.race([inner.ping({ signal: timeout }), overdue]);
      close();
      return false;
    } catch {
      isOpen = true;
      return true;
    }
  };

  const close = (): void => {
    const wasOpen = isOpen;
    isOpen = false;
    failuresInRow = 0;
    seconds = [];
    if (wasOpen) for (const listener of listeners) listener();
  };

  const isDown = async (): Promise<boolean> => {
    probe ??= ask().finally(() => (probe = undefined));
    return probe;
  };

  const timer = setInterval(() => {
    watchPending();
    if (isOpen) void isDown();
  }, limits.breakerProbeIntervalMs);
  timer.unref();

  return {
    store: {
      ...inner,
      claim: (request: ClaimRequest, options?: VerbOptions) => guarded(() => inner.claim(request, options)),
      extend: (request: ExtendRequest, options?: VerbOptions) => guarded(() => inner.extend(request, options)),
      settle: (request: SettleRequest, options?: VerbOptions) => guarded(() => inner.settle(request, options)),
      read: (request: ReadRequest, options?: VerbOptions) => guarded(() => inner.read(request, options)),
      list: (request: ListRequest, options?: VerbOptions) => guarded(() => inner.list(request, options)),
      // Begins ask these where keys are issued or counted. Counting may take long, which says nothing of the store.
      registry: { ...inner.registry, get: (id) => guarded(() => inner.registry.get(id)) },
      stats: (options?: VerbOptions) => (isOpen ? refused() : inner.stats(options)),
    },
    isOpen: () => isOpen,
    isDown,
    onClosed: (listener) => void listeners.add(listener),
    stop: () => clearInterval(timer),
  };
}

/** Neither a full disk nor a caller's hang-up says that the store is down. */
export const isOutage = (error: unknown): boolean =>
  !(error instanceof StoreError) || error.kind === 'unavailable' || error.kind === 'unknown';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
