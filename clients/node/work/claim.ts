// Begins until there is an answer that ends the asking: waits out those who are at it, repeats what was not answered with
// the same attempt id, and gives back a lease that was won after its caller had left.

import { randomAttemptId } from '../attempt-id.ts';
import { deadlineExceeded } from '../wire/error-table.ts';
import { AttemptEndedError, DeadlineExceededError, InvalidFieldError, OncedError } from '../errors.ts';
import type { Log } from '../options.ts';
import { backoffMs, onAbort, sleep } from '../signals.ts';
import type { Acquired, BeginAnswer, BeginRequest, Completed, Failed, IntentCalls, Orphaned } from '../types.ts';
import { InProgressError, RetryLaterError } from './work-errors.ts';

export type FinalAnswer = Acquired | Completed | Failed | Orphaned;

export interface ClaimOptions {
  /** Milliseconds until there must be an answer. */
  readonly timeoutMs: number;
  /** Milliseconds that one begin waits on the server for somebody else's outcome. */
  readonly waitMs: number;
  readonly whenBusy: 'wait' | 'reject';
  readonly signal: AbortSignal | undefined;
  readonly log: Log;
}

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 2_000;
/** Ask again at least this often, since an outcome may come long before the lease's end. */
const ASK_AGAIN_MS_MAX = 1_000;
const ASK_AGAIN_MS_MIN = 10;
/** What a begin may take besides its wait. */
const ANSWER_MS = 2_000;
/** Kept free for the way back, so that a wait ends with an answer and not with the caller's time. */
const WAY_BACK_MS = 100;

/** @throws InProgressError, RetryLaterError when the time is over; the signal's reason; the errors of begin. */
export async function claim(
  client: IntentCalls,
  request: Omit<BeginRequest, 'attemptId' | 'waitMs'>,
  options: ClaimOptions,
): Promise<FinalAnswer> {
  const endMs = performance.now() + options.timeoutMs;
  let attemptId = randomAttemptId();
  let { waitMs } = options;
  let unanswered = 0;
  let lastHeard: Error | undefined;
  for (;;) {
    const timeoutMs = endMs - performance.now();
    const asked = await ask(client, { ...request, attemptId }, { ...options, waitMs, timeoutMs });
    if (asked.kind === 'final') return asked.answer;
    if (asked.kind === 'not-yet' && options.whenBusy === 'reject') throw asked.error;
    if (asked.kind === 'not-yet') lastHeard = asked.error;
    unanswered = asked.kind === 'unanswered' ? unanswered + 1 : 0;
    const pauseMs = asked.pauseMs ?? askedForMs(asked.error) + backoff(unanswered);
    if (performance.now() + pauseMs + WAY_BACK_MS >= endMs) {
      // Our own time was too short for this answer: the one before it tells more.
      throw timeoutMs < ANSWER_MS && lastHeard !== undefined ? lastHeard : asked.error;
    }
    // A copy of our begin was ended by somebody else: this is a new try.
    if (asked.error instanceof AttemptEndedError) attemptId = randomAttemptId();
    if (isWaitRefused(asked.error)) waitMs = 0;
    await sleep(pauseMs, options.signal);
  }
}

const backoff = (tries: number): number => backoffMs({ tries, min: BACKOFF_MS_MIN, max: BACKOFF_MS_MAX });

/** A server that sheds load says for how long. */
const askedForMs = (error: Error): number => (error instanceof OncedError ? (error.retryAfterMs ?? 0) : 0);

type Asked =
  | { readonly kind: 'final'; readonly answer: FinalAnswer }
  /** Ask again after the pause (undefined: a backoff); `error` is what to throw when there is no time for that. */
  | { readonly kind: 'not-yet' | 'unanswered'; readonly pauseMs: number | undefined; readonly error: Error };

async function ask(client: IntentCalls, request: BeginRequest, options: ClaimOptions): Promise<Asked> {
  const waitMs = Math.max(0, Math.min(options.waitMs, Math.floor(options.timeoutMs - WAY_BACK_MS)));
  const timeoutMs = Math.min(options.timeoutMs, waitMs + ANSWER_MS);
  try {
    const answer = await begin(client, { ...request, ...(waitMs > 0 ? { waitMs } : {}) }, { ...options, timeoutMs });
    return judge(answer);
  } catch (error) {
    if (!mayBeRepeated(error)) throw error;
    options.log('info', 'a begin was not answered: repeating it', { detail: String(error) });
    return { kind: 'unanswered', pauseMs: undefined, error };
  }
}

function judge(answer: BeginAnswer): Asked {
  switch (answer.kind) {
    case 'in-progress':
      return { kind: 'not-yet', pauseMs: untilNextAsk(answer.retryAfterMs), error: new InProgressError(answer) };
    case 'retry-later': {
      // Not before that; spread a little beyond it.
      const pauseMs = answer.retryAfterMs * (1 + Math.random() / 10) + ASK_AGAIN_MS_MIN;
      return { kind: 'not-yet', pauseMs, error: new RetryLaterError(answer) };
    }
    case 'acquired':
      // This process stood still, and the lease was over when it got here. The same attempt begins again.
      if (performance.now() >= answer.leaseUntilMonotonicMs) {
        return { kind: 'unanswered', pauseMs: undefined, error: deadlineExceeded(answer.leaseRemainingMs) };
      }
      return { kind: 'final', answer };
    case 'completed':
    case 'failed':
    case 'orphaned':
      return { kind: 'final', answer };
  }
}

const untilNextAsk = (retryAfterMs: number): number =>
  Math.max(ASK_AGAIN_MS_MIN, Math.min(retryAfterMs, ASK_AGAIN_MS_MAX) * (0.5 + Math.random() / 2));

/** Not given the signal itself: a begin whose caller left may still win the lease, which then has to be given back. */
async function begin(
  client: IntentCalls,
  request: BeginRequest,
  { timeoutMs, signal, log }: ClaimOptions,
): Promise<BeginAnswer> {
  signal?.throwIfAborted();
  const beginning = client.begin(request, { timeoutMs });
  if (signal === undefined) return beginning;
  return new Promise((resolve, reject) => {
    const unlisten = onAbort(signal, () => {
      reject(signal.reason);
      giveBack(client, request, beginning).catch((error: unknown) =>
        log('warn', 'a lease that nobody wants could not be given back', { detail: String(error) }),
      );
    });
    beginning.then(resolve, reject).finally(unlisten);
  });
}

async function giveBack(client: IntentCalls, request: BeginRequest, beginning: Promise<BeginAnswer>): Promise<void> {
  const answer = await beginning;
  if (answer.kind !== 'acquired') return;
  const { namespace, key } = request;
  const error = { code: 'CALLER_LEFT', message: 'the caller left before the work began' };
  await client.fail({ namespace, key, leaseToken: answer.leaseToken, kind: 'retryable', error });
}

/** The namespace allows shorter waits than this caller asked for; asking now and then does as well. */
const isWaitRefused = (error: unknown): boolean =>
  error instanceof InvalidFieldError && error.violations.length === 1 && error.violations[0]?.field === 'wait';

const mayBeRepeated = (error: unknown): error is OncedError =>
  error instanceof AttemptEndedError ||
  error instanceof DeadlineExceededError ||
  isWaitRefused(error) ||
  (error instanceof OncedError && error.isRetryable);
