// A store behind a circuit breaker: while it is down, calls are refused at once instead of waiting for it. Opens after
// failures in a row, or when half of the calls of the last seconds failed; a single probe at a time closes it again. Calls
// in haste are refused before that, while the store is silent.

import {
  StoreError,
  type ClaimRequest,
  type ExtendRequest,
  type ListRequest,
  type ReadRequest,
  type Registry,
  type SettleRequest,
  type Store,
  type VerbOptions,
} from '../storage/contract/index.ts';
import { limits } from './limits.ts';
import { createPendingCalls, type PendingCall, type Reject } from './pending-calls.ts';
import { createSilence } from './silence.ts';

export interface Breaker {
  readonly store: Store;
  /** Reads in haste, for whoever goes on with what was known last. */
  readonly hastyRegistry: Registry;
  isOpen(): boolean;
  /** Open, or the store is silent. */
  isAway(): boolean;
  /** Asks the store now, once for all who ask meanwhile, and opens when it does not answer. True when it is down. */
  isDown(): Promise<boolean>;
  /** Called each time that the store falls silent, as it also does soon after the first failures of an outage. */
  onSilent(listener: () => void): void;
  /** Called each time that the store is back. */
  onClosed(listener: () => void): void;
  stop(): void;
}

interface Second {
  readonly atMs: number;
  answered: number;
  failed: number;
}

/** What only the breaker reads of a verb's options. */
export interface HastyOptions extends VerbOptions {
  /** Refuse it, or give it up as "unknown", as soon as the store is known not to answer. */
  readonly isHasty?: boolean;
}

const NO_ANSWER = 'the store does not answer; it is asked again in a moment';

const refused = (): Promise<never> => Promise.reject(new StoreError('unavailable', NO_ANSWER));

export function createBreaker(inner: Store): Breaker {
  const pending = createPendingCalls();
  /** Those that count what the store has, which may take long and says nothing of it. */
  const counting = new Set<Reject>();
  const silentListeners = new Set<() => void>();
  const closedListeners = new Set<() => void>();
  let isOpen = false;
  let failuresInRow = 0;
  let seconds: Second[] = [];
  let probing: Promise<boolean> | undefined;

  const refuseHasty = (): void => {
    // Whatever was sent may yet be done.
    for (const reject of [...pending.hasty(), ...counting]) reject(new StoreError('unknown', NO_ANSWER));
    for (const listener of silentListeners) listener();
  };

  const silence = createSilence({
    isAwaited: () =>
      counting.size > 0 || (pending.oldestStartMs() ?? Infinity) < performance.now() - limits.silenceLookMs,
    isConnected: () => inner.isConnected?.() ?? true,
    ask: () => void probe(),
    onSilent: refuseHasty,
  });

  const count = (isFailure: boolean, nowMs: number): void => {
    failuresInRow = isFailure ? failuresInRow + 1 : 0;
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

  const guarded = <T>(call: () => Promise<T>, isHasty = false): Promise<T> => {
    if (isOpen || (isHasty && silence.isOn)) return refused();
    return new Promise<T>((resolve, reject) => {
      const startMs = performance.now();
      const entry: PendingCall = { startMs, isHasty, reject };
      pending.add(entry);
      call().then(
        (value) => {
          if (pending.end(entry)) {
            const nowMs = performance.now();
            count(false, nowMs);
            silence.heard(nowMs - startMs);
          }
          resolve(value);
        },
        (error: unknown) => {
          if (pending.end(entry)) countFailure(error);
          reject(error);
        },
      );
    });
  };

  const countFailure = (error: unknown): void => {
    count(isOutage(error), performance.now());
    if (isOutage(error)) silence.failed();
    else if (!isCancelled(error)) silence.heard();
  };

  /** Without an answer while the store is away. */
  const whileThere = async <T>(call: () => Promise<T>): Promise<T> => {
    if (isAway()) return refused();
    const { promise, reject } = Promise.withResolvers<never>();
    counting.add(reject);
    return Promise.race([call(), promise]).finally(() => counting.delete(reject));
  };

  /** Who waits too long is told so; the store's late answer then counts no more. */
  const watchPending = (): void => {
    const nowMs = performance.now();
    for (const reject of pending.startedBefore(nowMs - limits.storeVerbMsMax)) {
      count(true, nowMs);
      silence.failed();
      reject(new StoreError('unknown', `the store did not answer within ${limits.storeVerbMsMax} ms`));
    }
  };

  /** True when it answered. Says so to the silence, and closes the breaker; never opens it. */
  const ping = async (): Promise<boolean> => {
    try {
      const timeout = AbortSignal.timeout(limits.breakerProbeMsMax);
      const overdue = new Promise<never>((_resolve, reject) =>
        timeout.addEventListener('abort', () => reject(new Error('overdue')), { once: true }),
      );
      await Promise.race([inner.ping({ signal: timeout }), overdue]);
    } catch {
      silence.failed();
      return false;
    }
    silence.heard();
    if (isOpen) close();
    return true;
  };

  const probe = async (): Promise<boolean> => {
    probing ??= ping().finally(() => (probing = undefined));
    return probing;
  };

  const close = (): void => {
    const wasOpen = isOpen;
    isOpen = false;
    failuresInRow = 0;
    seconds = [];
    if (wasOpen) for (const listener of closedListeners) listener();
  };

  const isDown = async (): Promise<boolean> => {
    const hasAnswered = await probe();
    if (hasAnswered) close();
    else isOpen = true;
    return !hasAnswered;
  };

  const isAway = (): boolean => isOpen || silence.isOn;

  const timer = setInterval(() => {
    watchPending();
    if (isAway()) void probe();
  }, limits.breakerProbeIntervalMs);
  const looks = setInterval(() => silence.look(), limits.silenceLookMs);
  timer.unref();
  looks.unref();

  return {
    store: {
      ...inner,
      claim: (request: ClaimRequest, options?: HastyOptions) =>
        guarded(() => inner.claim(request, options), options?.isHasty),
      extend: (request: ExtendRequest, options?: HastyOptions) =>
        guarded(() => inner.extend(request, options), options?.isHasty),
      settle: (request: SettleRequest, options?: HastyOptions) =>
        guarded(() => inner.settle(request, options), options?.isHasty),
      read: (request: ReadRequest, options?: HastyOptions) =>
        guarded(() => inner.read(request, options), options?.isHasty),
      list: (request: ListRequest, options?: VerbOptions) => guarded(() => inner.list(request, options)),
      // Begins ask these where keys are issued or counted.
      registry: { ...inner.registry, get: (id) => guarded(() => inner.registry.get(id)) },
      stats: (options?: VerbOptions) => whileThere(() => inner.stats(options)),
    },
    hastyRegistry: { ...inner.registry, get: (id) => guarded(() => inner.registry.get(id), true) },
    isOpen: () => isOpen,
    isAway,
    isDown,
    onSilent: (listener) => void silentListeners.add(listener),
    onClosed: (listener) => void closedListeners.add(listener),
    stop() {
      clearInterval(timer);
      clearInterval(looks);
    },
  };
}

/** Neither a full disk nor a caller's hang-up says that the store is down. */
export const isOutage = (error: unknown): boolean =>
  !(error instanceof StoreError) || error.kind === 'unavailable' || error.kind === 'unknown';

const isCancelled = (error: unknown): boolean => error instanceof StoreError && error.kind === 'cancelled';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
