// One HTTP request with a key: whether its handler runs, and what its caller gets. Knows no framework.

import type { OncedClient } from '../client.ts';
import { deriveKey } from '../fingerprint/derive-key.ts';
import { inTime } from '../work/in-time.ts';
import { openRun, type OpenRun } from '../work/open-run.ts';
import type { WorkContext } from '../work/perform.ts';
import type { RunResult } from '../work/run-once.ts';
import { RetryableError, UnknownOutcomeError } from '../work/work-errors.ts';
import { KEY_RULE, readKey } from './key-header.ts';
import type { Settings } from './options.ts';
import { problem, refusal, REPLAYED } from './problem.ts';
import { requestFingerprint, type RequestFacts } from './request-fingerprint.ts';
import { restoredResponse, storedResponse, type Headers, type HeldResponse } from './stored-response.ts';

/** Of a label's value, in bytes. */
const LABEL_BYTES_MAX = 256;

/** The handler is to run; hand its response to `end`, always, and send what comes back. */
export interface HeldRequest {
  readonly kind: 'held';
  readonly context: WorkContext;
  /** The response for the caller: the handler's own, or that its outcome could not be recorded. */
  end(response: HeldResponse): Promise<HeldResponse>;
  /** Instead of `end`, where there will be no response. `release`: the handler has not run. `hold`: nobody knows. */
  drop(verdict: 'release' | 'hold', why: string): Promise<void>;
}

export interface Answered {
  readonly kind: 'answered';
  readonly response: HeldResponse;
}

/** Before the body is read: nothing where the handler just runs, the key, or a refusal. */
export function keyOf<Request>(
  request: Request,
  values: readonly string[],
  settings: Settings<Request>,
): { readonly kind: 'key'; readonly key: string } | Answered | undefined {
  const need = settings.need(request);
  if (need === 'never') return undefined;
  const found = readKey(values);
  switch (found.kind) {
    case 'key':
      return found;
    case 'missing':
      if (need === 'optional') return undefined;
      return answered(problem('key-missing', `this request needs an ${settings.keyHeader} header`));
    case 'malformed':
      return answered(problem('key-malformed', KEY_RULE));
  }
}

export async function serveOnce<Request>(
  client: OncedClient,
  { request, key, facts }: { readonly request: Request; readonly key: string; readonly facts: RequestFacts },
  settings: Settings<Request>,
): Promise<HeldRequest | Answered> {
  const scope = await settings.scope(request);
  if (scope === undefined || scope === '') {
    return answered(problem('unauthenticated', 'an idempotency key needs an authenticated caller'));
  }
  try {
    const place = { namespace: settings.namespace, key: deriveKey(key, scope) };
    const run = await openRun<unknown>(client, place, {
      labels: labelsOf(key, facts),
      ...settings.run,
      fingerprints: [requestFingerprint(facts, settings.exclude)],
    });
    return run.kind === 'open' ? held(run, settings) : answered(replay(run.result));
  } catch (error) {
    return answered(refusal(error));
  }
}

export const answered = (response: HeldResponse): Answered => ({ kind: 'answered', response });

function labelsOf(key: string, { method, target }: RequestFacts): Record<string, string> {
  const path = new TextDecoder().decode(Buffer.from(target.replace(/\?.*/su, '')).subarray(0, LABEL_BYTES_MAX - 3));
  return { 'http.key': key, 'http.method': method, 'http.path': path };
}

function held<Request>(run: OpenRun<unknown>, settings: Settings<Request>): HeldRequest {
  const giveBack = async (thrown: Error): Promise<void> => {
    await inTime(run.fail(thrown)).catch(() => {});
  };
  return {
    kind: 'held',
    context: run.context,
    drop: async (verdict, why) => giveBack(verdict === 'hold' ? new UnknownOutcomeError(why) : new RetryableError(why)),
    async end(response) {
      const { status } = response;
      const verdict = settings.verdict(status);
      if (verdict !== 'store') {
        const refused = `the handler answered ${status}`;
        const error =
          verdict === 'hold'
            ? new UnknownOutcomeError(refused)
            : new RetryableError(refused, delayOf(response.headers));
        await giveBack(error);
        return response;
      }
      try {
        const { expireMs } = await inTime(run.complete(storedResponse(response, settings.replayedHeaders)));
        return withHeaders(response, expiry(expireMs));
      } catch {
        // Whoever asks again may have it done again; to be told that all is well would be wrong.
        const detail = 'the request was carried out, but its outcome could not be recorded';
        return response.isNotKept ? response : problem('unavailable', detail);
      }
    },
  };
}

/** What a handler told its caller; only in seconds, since a date needs two clocks that agree. */
function delayOf(headers: Headers): { readonly retryAfterMs?: number } {
  const value = headers.find(([name]) => name === 'retry-after')?.[1] ?? '';
  return /^\d{1,5}$/u.test(value) ? { retryAfterMs: Number(value) * 1_000 } : {};
}

function replay(result: RunResult<unknown>): HeldResponse {
  const response = restoredResponse(result);
  const headers = [...REPLAYED, ...expiry(result.expireMs)];
  if (!response.isNotKept) return withHeaders(response, headers);
  return problem('response-not-kept', `it was answered ${response.status} before; that response is not kept`, headers);
}

const withHeaders = (response: HeldResponse, more: Headers): HeldResponse => ({
  ...response,
  headers: [...response.headers, ...more],
});

const expiry = (expireMs: number): Headers => [['idempotency-expires', new Date(expireMs).toUTCString()]];
