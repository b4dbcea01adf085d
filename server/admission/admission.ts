// Who may run now. Below the limit an operation costs a comparison and two counters; above it, it waits in a bounded queue,
// by class and in turn with other namespaces, or is refused before anything else was looked at.

import { status as Code } from '@grpc/grpc-js';
import type { CallContext } from '../context.ts';
import { CallOver, type Rejection } from '../errors.ts';
import { limits } from '../limits.ts';
import { createConcurrencyLimit } from './concurrency-limit.ts';
import { createFairQueue, type FairQueue } from './fair-queue.ts';
import { troubleOf, type ProcessState } from './guards.ts';
import { LOAD_CLASSES, type LoadClass, type RefusalCause } from './load-class.ts';
import { createOverload } from './overload.ts';
import { overloadRejection } from './refusals.ts';
import { createStoreTime } from './store-time.ts';
import { createStreamCounts } from './stream-counts.ts';

export interface AdmissionState {
  readonly limit: number;
  readonly inFlight: number;
  readonly queued: Readonly<Record<LoadClass, number>>;
  readonly isOverloaded: boolean;
  /** Classes that the guards shed now: 0 to 3. */
  readonly shedding: number;
}

export interface AdmissionAsk {
  readonly load: LoadClass;
  readonly namespace: string;
  readonly call: Pick<CallContext, 'deadlineMs' | 'signal'>;
  /** Asked again while it waits: what it would be refused with by now if it ran. */
  readonly refusal?: (() => Rejection | undefined) | undefined;
}

export interface Admission {
  /** More is asked than can be done: refusals are worth being early. */
  isTight(): boolean;
  /** Nobody but operators has asked for anything in this window and the one before. */
  isIdle(): boolean;
  /** As `enter` would refuse it, and counted so; undefined when it would not, and then nothing is counted. */
  refuseEarly(load: LoadClass, namespace: string): Rejection | undefined;
  /** Less of the caller's time is left than the store takes: nobody would hear of what is written. Holders are never late. */
  isTooLate(load: LoadClass, deadlineMs: number | undefined): boolean;
  /**
   * True: the operation runs now, and ends with `leave`. False: it has to `queue` first. Throws the refusal of one that
   * would wait in vain.
   */
  enter(load: LoadClass, namespace: string): boolean;
  /** Resolves when it runs, to end with `leave`. Rejects with Rejection or CallOver, and has then touched nothing. */
  queue(ask: AdmissionAsk): Promise<void>;
  /** Something has changed that those who wait are refused for. */
  recheck(): void;
  /** The operation is over, or waits for something else than the store. */
  leave(load: LoadClass): void;
  /** The wait is over: it goes on without a queue, since what it holds (a key's turn) others wait for. */
  reenter(load: LoadClass): void;
  /** A stream begins: followers and bulk work are bounded by themselves. Returns its end. Throws when there are too many. */
  openStream(load: LoadClass, namespace: string): () => void;
  /** A store verb took this long. */
  sample(durationMs: number): void;
  state(): AdmissionState;
  /** Once a window of limits.admissionWindowMs; `utilization` is the event loop's in it. */
  tick(utilization?: number): void;
  /** Once a second. */
  guard(process: ProcessState): void;
}

export interface AdmissionOptions {
  readonly onRefused?: (load: LoadClass, cause: RefusalCause) => void;
  readonly onWaited?: (load: LoadClass, waitMs: number) => void;
  /** Monotonic; for tests. */
  readonly nowMs?: () => number;
}

interface Waiting extends AdmissionAsk {
  readonly sinceMs: number;
  readonly start: () => void;
  readonly refuse: (error: Rejection | CallOver) => void;
}

const SHED_MAX = 3;

export function createAdmission(options: AdmissionOptions = {}): Admission {
  const { onRefused, onWaited, nowMs = () => performance.now() } = options;
  const limit = createConcurrencyLimit();
  const storeTime = createStoreTime();
  const overload = createOverload();
  const streams = createStreamCounts();
  const queues: Readonly<Record<LoadClass, FairQueue<Waiting>>> = {
    settle: createFairQueue(),
    begin: createFairQueue(),
    look: createFairQueue(),
    admin: createFairQueue(),
  };
  /** Admin operations are not in here: they have slots of their own. */
  let inFlight = 0;
  let waiting = 0;
  let adminInFlight = 0;
  let shedding = 0;
  let shedCause: 'event_loop' | 'heap' = 'event_loop';
  let arrived = 0;
  let arrivedBefore = 0;
  let finished = 0;
  let tickedMs = nowMs();
  let lastNamespace = '';
  let isMixed = false;

  const adminMax = (): number =>
    shedding > 0 || overload.isOn ? limits.admissionAdminMaxOverloaded : limits.admissionAdminMax;
  /** `settle` never is. */
  const isShed = (load: LoadClass): boolean => LOAD_CLASSES.indexOf(load) + shedding > SHED_MAX && load !== 'admin';

  const refusalOf = (load: LoadClass, cause: RefusalCause): Rejection => {
    onRefused?.(load, cause);
    return overloadRejection(load, cause, overload.retryAfterMs);
  };

  /** How many of one class may wait: under overload what is done in a moment, so that who is let in is not late. */
  const queueMax = (load: LoadClass): number => {
    const isShort = overload.isOn && (load === 'begin' || load === 'look');
    const short = Math.floor(overload.ratePerMs * limits.admissionShortWaitMs);
    return isShort ? Math.min(short, limits.admissionQueueMax) : limits.admissionQueueMax;
  };

  /** Each namespace may fill its share of the queue: one that floods it takes no place from others. */
  const hasRoom = (load: LoadClass, namespace: string): boolean => {
    const queue = queues[load];
    const own = queue.lengthOf(namespace);
    const sharers = queue.namespaces + (own === 0 ? 1 : 0);
    const share = Math.max(SHARE_MIN, Math.floor(queueMax(load) / sharers));
    return own < share && queue.size < limits.admissionQueueMax;
  };

  const isFree = (): boolean => waiting === 0 && inFlight < limit.current;

  const waitMsMax = (load: LoadClass): number => {
    if (load === 'settle') return limits.admissionHolderWaitMsMax;
    return overload.isOn && load !== 'admin' ? limits.admissionStandingMs : limits.admissionWaitMsMax;
  };

  const endOf = ({ load, sinceMs, call, refusal }: Waiting, atMs: number): Rejection | CallOver | undefined => {
    if (call.signal?.aborted === true) return new CallOver(Code.CANCELLED);
    if (call.deadlineMs !== undefined && call.deadlineMs <= atMs) return new CallOver(Code.DEADLINE_EXCEEDED);
    const refused = refusal?.();
    if (refused !== undefined) return refused;
    if (isShed(load)) return refusalOf(load, shedCause);
    return atMs - sinceMs > waitMsMax(load) ? refusalOf(load, 'waited_too_long') : undefined;
  };

  /** The next of these classes that still has a caller. */
  const next = (...loads: readonly LoadClass[]): Waiting | undefined => {
    for (const load of loads) {
      for (let entry = queues[load].shift(); entry !== undefined; entry = queues[load].shift()) {
        const atMs = nowMs();
        const end = endOf(entry, atMs);
        if (load !== 'admin') waiting -= 1;
        if (end === undefined) {
          onWaited?.(load, atMs - entry.sinceMs);
          return entry;
        }
        entry.refuse(end);
      }
    }
    return undefined;
  };

  const startNext = (): void => {
    while (inFlight < limit.current) {
      const entry = next('settle', 'begin', 'look');
      if (entry === undefined) return;
      inFlight += 1;
      entry.start();
    }
  };

  const startNextAdmin = (): void => {
    while (adminInFlight < adminMax()) {
      const entry = next('admin');
      if (entry === undefined) return;
      adminInFlight += 1;
      entry.start();
    }
  };

  const oldestMs = (atMs: number): number => {
    const heads = [...queues.begin.heads(), ...queues.look.heads()];
    return heads.reduce((most, { sinceMs }) => Math.max(most, atMs - sinceMs), 0);
  };

  const dropEnded = (): void => {
    const atMs = nowMs();
    for (const load of LOAD_CLASSES) {
      const ends = new Map<Waiting, Rejection | CallOver>();
      const isOver = (entry: Waiting): boolean => {
        const end = endOf(entry, atMs);
        if (end !== undefined) ends.set(entry, end);
        return end !== undefined;
      };
      const dropped = queues[load].remove(isOver).length;
      if (load !== 'admin') waiting -= dropped;
      for (const [entry, end] of ends) entry.refuse(end);
    }
  };

  return {
    isTight: () => overload.isOn || shedding > 0,
    isIdle: () => arrived === 0 && arrivedBefore === 0 && inFlight === 0,

    refuseEarly(load, namespace) {
      const cause = isShed(load) ? shedCause : 'queue_full';
      if (cause === 'queue_full' && (isFree() || hasRoom(load, namespace))) return undefined;
      arrived += 1;
      return refusalOf(load, cause);
    },

    isTooLate(load, deadlineMs) {
      if (deadlineMs === undefined || (load !== 'begin' && load !== 'look')) return false;
      return deadlineMs - nowMs() < storeTime.medianMs;
    },

    enter(load, namespace) {
      if (load === 'admin') {
        if (queues.admin.size === 0 && adminInFlight < adminMax()) {
          adminInFlight += 1;
          return true;
        }
        if (!hasRoom(load, namespace)) throw refusalOf(load, 'queue_full');
        return false;
      }
      arrived += 1;
      if (namespace !== lastNamespace) {
        isMixed ||= lastNamespace !== '';
        lastNamespace = namespace;
      }
      if (shedding > 0 && isShed(load)) throw refusalOf(load, shedCause);
      if (isFree()) {
        inFlight += 1;
        return true;
      }
      if (!hasRoom(load, namespace)) throw refusalOf(load, 'queue_full');
      return false;
    },

    async queue(ask) {
      return new Promise<void>((start, refuse) => {
        const sinceMs = nowMs();
        queues[ask.load].push(ask.namespace, { ...ask, sinceMs, start, refuse });
        if (ask.load !== 'admin') waiting += 1;
      });
    },

    recheck: dropEnded,

    leave(load) {
      if (load === 'admin') {
        adminInFlight -= 1;
        startNextAdmin();
        return;
      }
      finished += 1;
      inFlight -= 1;
      if (waiting > 0) startNext();
    },

    reenter(load) {
      arrived += 1;
      if (load === 'admin') adminInFlight += 1;
      else inFlight += 1;
    },

    openStream: (load, namespace) => streams.open(load, namespace, () => refusalOf(load, 'streams')),
    sample(durationMs) {
      limit.sample(durationMs);
      storeTime.sample(durationMs);
    },

    state: () => ({
      limit: limit.current,
      inFlight: inFlight + adminInFlight,
      queued: {
        settle: queues.settle.size,
        begin: queues.begin.size,
        look: queues.look.size,
        admin: queues.admin.size,
      },
      isOverloaded: overload.isOn,
      shedding,
    }),

    tick(utilization = 0) {
      const atMs = nowMs();
      const durationMs = Math.max(1, atMs - tickedMs);
      const wasOn = overload.isOn;
      overload.tick({ arrived, finished, queued: waiting, oldestMs: oldestMs(atMs), durationMs });
      if (overload.isOn && !wasOn) limit.start(overload.ratePerMs);
      const isSaturated = overload.isOn && utilization > limits.admissionSaturation;
      const shared = isMixed ? limits.admissionSharedMin : undefined;
      limit.tick(overload.isOn ? limits.admissionInFlightMin : shared, isSaturated);
      storeTime.tick();
      arrivedBefore = arrived;
      arrived = 0;
      finished = 0;
      tickedMs = atMs;
      isMixed = false;
      if (waiting + queues.admin.size > 0) dropEnded();
      startNext();
      startNextAdmin();
    },

    guard(state) {
      const { classesToShed, cause } = troubleOf(state);
      if (classesToShed > 0) shedCause = cause;
      shedding += Math.sign(classesToShed - shedding);
    },
  };
}

/** Whoever asks for little sometimes asks for a few at once, and its turn comes soon. */
const SHARE_MIN = 4;
