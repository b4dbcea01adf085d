// Work under a lease: kept alive while it runs, its outcome recorded when it ends. For runOnce and for reconcile.

import { encodeValue, type EncodedValue } from './values.ts';
import { keepLease, type LeaseKeeper } from './lease-keeper.ts';
import type { Log } from '../options.ts';
import { InvalidFieldError } from '../errors.ts';
import { failureOf, settleToTheEnd, type Failure, type ThrowMeans } from './settle.ts';
import type { Acquired, IntentCalls, IntentError, LeaseHold, RecordSummary, Settled } from '../types.ts';
import { IntentFailedError, OutcomeNotRecordedError } from './work-errors.ts';

/** As long as an attempt can hold a key. */
const SETTLE_TIMEOUT_MS = 24 * 60 * 60 * 1000;

export interface PerformOptions {
  /** Milliseconds that the lease lasts without renewal. 100 to 86,400,000. Default: the namespace's (30,000). */
  readonly leaseMs?: number;
  /**
   * Milliseconds before the end of the lease at which the work's signal fires. Keep it below half of the lease, since
   * renewing starts at a third. Default: a sixth of the lease.
   */
  readonly leaseMarginMs?: number;
  /**
   * Milliseconds after which the lease is renewed no more, so that work that hangs does not hold its key for ever: the
   * signal fires a lease later. Default: none here; the namespace's total hold (a day) ends it.
   */
  readonly holdMsMax?: number;
  /** Milliseconds that the outcome is kept. 1,000 to 34,560,000,000. Default: the namespace's (a day). */
  readonly ttlMs?: number;
  /** Milliseconds to go on trying to record the outcome. Default: 86,400,000, a day. */
  readonly settleTimeoutMs?: number;
  /**
   * What it means when the work throws something else than FinalError, RetryableError or UnknownOutcomeError.
   *
   * Default: `unknown`. Whoever throws without saying more has most often lost the answer of something it called (a
   * timeout, a reset connection), and then the side effect may have happened. To let the next caller try again would be
   * convenient in all the other cases and charge a customer twice in this one, so the key is held until somebody has
   * looked (reconcile, or an operator). Give `() => 'retryable'` for work that is safe to repeat, or tell the errors of
   * your own apart; a RetryableError thrown before the first side effect says the same from within.
   */
  readonly onThrow?: (thrown: unknown) => ThrowMeans;
}

/** What work is given. */
export interface WorkContext {
  /** Grows with every attempt of the key. Hand it to the system that does the side effect, which refuses smaller ones. */
  readonly fencingToken: number;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** An earlier attempt lost its lease: look at `previousCheckpoint` and ask the provider before doing it again. */
  readonly takenOver: boolean;
  /** What an earlier attempt saved last. */
  readonly previousCheckpoint: Uint8Array | undefined;
  /** How the attempt before this one failed. */
  readonly lastError: IntentError | undefined;
  /** The key had been seen before and its record had expired: this may be a repeat that came too late. */
  readonly lateRetry: boolean;
  /** The server's store is out of reach and the namespace chose to go on: nothing protects this attempt. */
  readonly degraded: boolean;
  /**
   * Fires before the lease could be lost: stop, and begin nothing new. Pass it to fetch and the like. It never fires for
   * the signal or timeout given to runOnce: work that has begun is finished.
   */
  readonly signal: AbortSignal;
  /** Milliseconds until the lease could be lost; right also after synchronous work during which no signal could fire. */
  readonly leaseRemainingMs: number;
  /** Saves up to 16 KiB for whoever attempts next, replacing what was saved before. Do it before what cannot be undone. */
  checkpoint(data: Uint8Array | string): Promise<void>;
}

export type Work<T> = (context: WorkContext) => Promise<T> | T;

export interface Performed {
  readonly encoded: EncodedValue;
  readonly record: RecordSummary;
}

interface Performing extends PerformOptions {
  readonly log: Log;
  /** Milliseconds that a key whose outcome is unknown stays leased instead of being recorded so. For reconcile. */
  readonly keepMs?: number;
}

/**
 * Runs the work and records what it returns or throws. Resolves once the result is recorded.
 * @throws IntentFailedError once a final failure is recorded; what the work threw, once another failure is recorded or
 * could not be; OutcomeNotRecordedError when a result or a final failure could not be.
 */
export async function perform<T>(
  client: IntentCalls,
  { hold, acquired }: { readonly hold: LeaseHold; readonly acquired: Acquired },
  work: Work<T>,
  options: Performing,
): Promise<Performed> {
  const { leaseMs, leaseMarginMs: marginMs, holdMsMax, log } = options;
  const keeper = keepLease(client, hold, acquired, { leaseMs, marginMs, holdMsMax, log });
  const recorder = createRecorder(client, hold, options);
  try {
    const tried = await tryWork(work, contextOf(client, { hold, acquired, keeper, leaseMs }));
    keeper.workEnded();
    return tried.ok
      ? await recordResult(recorder, tried.returned)
      : await recordFailure(recorder, tried.thrown, options);
  } finally {
    keeper.stop();
  }
}

type Tried = { readonly ok: true; readonly returned: unknown } | { readonly ok: false; readonly thrown: unknown };

async function tryWork(work: Work<unknown>, context: WorkContext): Promise<Tried> {
  try {
    return { ok: true, returned: await work(context) };
  } catch (thrown) {
    return { ok: false, thrown };
  }
}

function contextOf(
  client: IntentCalls,
  {
    hold,
    acquired,
    keeper,
    leaseMs,
  }: { hold: LeaseHold; acquired: Acquired; keeper: LeaseKeeper; leaseMs: number | undefined },
): WorkContext {
  const { fencingToken, attempt, takenOver, lastError, lateRetry, degraded } = acquired;
  return {
    fencingToken,
    attempt,
    takenOver,
    lastError,
    lateRetry,
    degraded,
    previousCheckpoint: acquired.checkpoint,
    signal: keeper.signal,
    get leaseRemainingMs() {
      return keeper.remainingMs;
    },
    async checkpoint(data) {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
      try {
        keeper.extended(
          await client.checkpoint({ ...hold, data: bytes, ...(leaseMs === undefined ? {} : { leaseMs }) }),
        );
      } catch (error) {
        keeper.noteError(error);
        throw error;
      }
    },
  };
}

/** The settling calls, each repeated until it is answered. */
interface Recorder {
  complete(encoded: EncodedValue): Promise<Settled>;
  fail(failure: Failure): Promise<Settled>;
  /** Leaves it with nobody at work: an orphan again when this lease is over. */
  keep(leaseMs: number): Promise<unknown>;
}

function createRecorder(
  client: IntentCalls,
  hold: LeaseHold,
  { ttlMs, settleTimeoutMs = SETTLE_TIMEOUT_MS, log }: PerformOptions & { readonly log: Log },
): Recorder {
  const ttl = ttlMs === undefined ? {} : { ttlMs };
  const patience = { timeoutMs: settleTimeoutMs, log };
  return {
    complete: async (encoded) => settleToTheEnd(async () => client.complete({ ...hold, ...encoded, ...ttl }), patience),
    fail: async (failure) =>
      // An unknown outcome is kept for as long as the namespace keeps those.
      settleToTheEnd(
        async () => client.fail({ ...hold, ...failure, ...(failure.kind === 'final' ? ttl : {}) }),
        patience,
      ),
    keep: async (leaseMs) => client.renew({ ...hold, leaseMs }),
  };
}

async function recordResult(recorder: Recorder, value: unknown): Promise<Performed> {
  let encoded: EncodedValue;
  try {
    encoded = encodeValue(value);
  } catch (error) {
    await holdKey(recorder);
    throw new OutcomeNotRecordedError(error, { value });
  }
  try {
    const { record } = await recorder.complete(encoded);
    return { encoded, record };
  } catch (error) {
    if (error instanceof InvalidFieldError) await holdKey(recorder);
    throw new OutcomeNotRecordedError(error, { value });
  }
}

async function recordFailure(
  recorder: Recorder,
  thrown: unknown,
  { onThrow = () => 'unknown', keepMs, log }: Performing,
): Promise<never> {
  const failure = failureOf(thrown, onThrow);
  try {
    if (failure.kind === 'unknown' && keepMs !== undefined) await recorder.keep(keepMs);
    else await recorder.fail(failure);
  } catch (error) {
    if (error instanceof InvalidFieldError) await holdKey(recorder);
    if (failure.kind === 'final') throw new OutcomeNotRecordedError(error, { workError: thrown });
    log('warn', 'a failure could not be recorded', { kind: failure.kind, detail: String(error) });
    throw thrown;
  }
  if (failure.kind === 'final') throw new IntentFailedError(failure, { replayed: false, cause: thrown });
  throw thrown;
}

/** An outcome that cannot be stored (it has no JSON, or is too large) must still keep anybody from doing it again. */
async function holdKey(recorder: Recorder): Promise<void> {
  const refusal = { code: 'OUTCOME_REFUSED', message: 'the work ended, but its outcome could not be stored' };
  // If this fails too, the lease runs out and the next attempt is told that it takes over.
  await recorder.fail({ kind: 'unknown', error: refusal }).catch(() => {});
}
