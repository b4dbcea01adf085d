// Keeps a lease while work is done: renews at a third, and warns the work before the lease could be lost. All times are
// counted on the monotonic clock from when the request that won them was sent.

import { AlreadySettledError, IntentNotFoundError, LeaseLostError, type OncedError } from '../errors.ts';
import type { Log } from '../options.ts';
import type { Acquired, Extended, IntentCalls, LeaseHold } from '../types.ts';
import { LeaseEndingError } from './work-errors.ts';

/** Renew this often within a lease, so that two renewals may fail before the work has to stop. */
const RENEWALS_PER_LEASE = 3;
/** After a failed renewal try again sooner. */
const RETRIES_PER_LEASE = 12;
/** Part of the lease that is left when the work is told to stop, and the time that one renewal may take. */
const MARGIN_PER_LEASE = 1 / 6;
/** A renewal is not given less time than this, however short the lease. */
const RENEW_TIMEOUT_MS_MIN = 50;
const PAUSE_MS_MIN = 20;

export interface KeeperOptions {
  /** Milliseconds to ask for with each renewal. Undefined: the namespace's. */
  readonly leaseMs: number | undefined;
  /** Milliseconds before the end of the lease at which the signal fires. Undefined: a sixth of the lease. */
  readonly marginMs: number | undefined;
  /** Milliseconds after which renewing stops. Undefined: never. */
  readonly holdMsMax: number | undefined;
  readonly log: Log;
}

type Lease = Pick<Extended, 'leaseUntilMonotonicMs' | 'leaseRemainingMs'>;

export interface LeaseKeeper {
  /** Fires once, with a LeaseEndingError, `marginMs` before the lease could be lost, or when it is. */
  readonly signal: AbortSignal;
  /** Milliseconds until the lease could be lost; negative afterwards. Right also while the event loop is blocked. */
  readonly remainingMs: number;
  /** Something other than a renewal has moved the lease. */
  extended(lease: Lease): void;
  /** Somebody was told that the lease is gone. Other errors are ignored. */
  noteError(error: unknown): void;
  /** The work has ended and is being recorded: renewing goes on, nobody has to be told any more. */
  workEnded(): void;
  stop(): void;
}

export function keepLease(client: IntentCalls, hold: LeaseHold, won: Acquired, options: KeeperOptions): LeaseKeeper {
  const startMs = performance.now();
  const controller = new AbortController();
  let lease: Lease = won;
  let renewAtMs = nextRenewal(lease);
  let isRenewing = false;
  let isWorking = true;
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let plannedMs = 0;

  const warnAtMs = (): number =>
    lease.leaseUntilMonotonicMs - (options.marginMs ?? lease.leaseRemainingMs * MARGIN_PER_LEASE);

  const plan = (): void => {
    clearTimeout(timer);
    if (isStopped) return;
    const warnMs = !isWorking || controller.signal.aborted ? Number.POSITIVE_INFINITY : warnAtMs();
    const renewMs = isRenewing ? Number.POSITIVE_INFINITY : renewAtMs;
    plannedMs = Math.min(warnMs, renewMs);
    if (Number.isFinite(plannedMs)) timer = setTimeout(tick, Math.max(0, plannedMs - performance.now()));
  };

  const end = (message: string, cause?: OncedError): void => {
    if (!isWorking || controller.signal.aborted) return;
    options.log('warn', `the work is told to stop: ${message}`, { attempt: won.attempt });
    controller.abort(new LeaseEndingError(message, cause));
  };

  const tick = (): void => {
    const nowMs = performance.now();
    const lateMs = Math.round(nowMs - plannedMs);
    if (lateMs > lease.leaseRemainingMs * MARGIN_PER_LEASE) {
      options.log('warn', 'the event loop was blocked: a lease was looked after late', { lateMs });
    }
    if (nowMs >= warnAtMs()) end(`the lease has ${Math.round(lease.leaseUntilMonotonicMs - nowMs)} ms left`);
    if (nowMs >= renewAtMs && !isRenewing) void renew();
    plan();
  };

  const renew = async (): Promise<void> => {
    if (options.holdMsMax !== undefined && performance.now() - startMs >= options.holdMsMax) {
      renewAtMs = Number.POSITIVE_INFINITY;
      options.log('warn', 'the work has taken its longest allowed time: its lease is not renewed any more');
      return;
    }
    isRenewing = true;
    const { leaseMs } = options;
    const timeoutMs = Math.max(RENEW_TIMEOUT_MS_MIN, lease.leaseRemainingMs * MARGIN_PER_LEASE);
    try {
      const renewed = await client.renew({ ...hold, ...(leaseMs === undefined ? {} : { leaseMs }) }, { timeoutMs });
      extended(renewed);
    } catch (error) {
      if (isStopped) return;
      renewAtMs = performance.now() + (lease.leaseRemainingMs / RETRIES_PER_LEASE) * (0.5 + Math.random() / 2);
      noteError(error);
      // What is being recorded is there before its answer is here.
      const isRecorded = !isWorking && error instanceof AlreadySettledError;
      if (!isRecorded) options.log('warn', 'a lease could not be renewed', { detail: String(error) });
    }
    isRenewing = false;
    plan();
  };

  const extended = (moved: Lease): void => {
    // Answers may overtake one another; the request that was sent last counts, also when it made the lease shorter.
    if (sentMs(moved) < sentMs(lease)) return;
    lease = moved;
    renewAtMs = nextRenewal(lease);
    plan();
  };

  const noteError = (error: unknown): void => {
    if (!isLoss(error)) return;
    isStopped = true;
    clearTimeout(timer);
    end('the lease is lost', error);
  };

  plan();
  return {
    signal: controller.signal,
    get remainingMs() {
      return lease.leaseUntilMonotonicMs - performance.now();
    },
    extended,
    noteError,
    workEnded() {
      isWorking = false;
      plan();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

const sentMs = ({ leaseUntilMonotonicMs, leaseRemainingMs }: Lease): number => leaseUntilMonotonicMs - leaseRemainingMs;

/** Not at once, however little is left: a server that gives no more time would be asked without pause. */
const nextRenewal = (lease: Lease): number =>
  Math.max(performance.now() + PAUSE_MS_MIN, sentMs(lease) + lease.leaseRemainingMs / RENEWALS_PER_LEASE);

const isLoss = (error: unknown): error is OncedError =>
  error instanceof LeaseLostError || error instanceof AlreadySettledError || error instanceof IntentNotFoundError;
