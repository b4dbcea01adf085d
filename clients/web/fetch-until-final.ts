// One request, sent until it is answered: again with the same key after a lost reply, a 504, or while somebody else is at it.

import type { Log } from '../node/options.ts';
import { NoAnswerError } from './errors.ts';
import { judgeResponse } from './judge-response.ts';
import { pause } from './pause.ts';

const TIMEOUT_MS = 60_000;
const TRY_TIMEOUT_MS = 30_000;
const BACKOFF_MS_MIN = 200;
const BACKOFF_MS_MAX = 5_000;

export interface FetchOptions {
  /** Milliseconds until there must be an answer. Default: 60,000. */
  readonly timeoutMs?: number;
  /** Milliseconds for one try, so that a connection that says nothing is given up. Default: 30,000. */
  readonly tryTimeoutMs?: number;
  /** Sends the key without the quotes of the draft, for servers that do not expect them. Default: false. */
  readonly bareKey?: boolean;
  /** Told of each try that brought no answer, or none that is the outcome. Default: nobody. */
  readonly log?: Log;
  /** Called before each try with its headers: the place for `traceparent`, and to begin a span. Default: nothing. */
  readonly onTry?: (tried: Tried) => void;
}

export interface Tried {
  /** 0 for the first. */
  readonly tries: number;
  /** As they will be sent; may be added to. */
  readonly headers: Headers;
}

export interface Answered {
  readonly response: Response;
  /** The outcome: the key has done its work. */
  readonly isFinal: boolean;
}

/**
 * @throws NoAnswerError when no try was answered in time; the signal's reason. Resolves with the last answer, not final,
 * when the time is over while somebody else is at it.
 */
export async function fetchUntilFinal(
  { url, key }: { readonly url: string | URL; readonly key: string },
  init: RequestInit,
  { timeoutMs = TIMEOUT_MS, tryTimeoutMs = TRY_TIMEOUT_MS, bareKey = false, log, onTry }: FetchOptions,
): Promise<Answered> {
  const headers = new Headers(init.headers);
  headers.set('Idempotency-Key', bareKey ? key : `"${key}"`);
  const endMs = performance.now() + timeoutMs;
  let last: Response | undefined;
  let cause: unknown;
  for (let tries = 0; ; tries++) {
    const leftMs = endMs - performance.now();
    onTry?.({ tries, headers });
    let pauseMs = Math.random() * Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** tries);
    try {
      const response = await fetchWhole(url, { ...init, headers }, Math.min(tryTimeoutMs, Math.max(1, leftMs)));
      const meaning = await judgeResponse(response);
      if (meaning.kind !== 'again') return { response, isFinal: meaning.kind === 'final' };
      last = response;
      pauseMs += meaning.afterMs ?? 0;
      log?.('info', 'not answered with an outcome yet', { tries, status: response.status, pauseMs });
    } catch (error) {
      init.signal?.throwIfAborted();
      cause = error;
      log?.('warn', 'a try brought no answer', { tries, error: String(error), pauseMs });
    }
    if (performance.now() + pauseMs >= endMs) {
      if (last === undefined) throw new NoAnswerError(timeoutMs, cause);
      return { response: last, isFinal: false };
    }
    await pause(pauseMs, init.signal ?? undefined);
  }
}

/** An answer of which the end is lost is none: it is read whole, and can still be read by the caller. */
async function fetchWhole(url: string | URL, init: RequestInit, timeoutMs: number): Promise<Response> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([timeout, ...(init.signal instanceof AbortSignal ? [init.signal] : [])]);
  const response = await fetch(url, { ...init, signal });
  await response.clone().arrayBuffer();
  return response;
}
