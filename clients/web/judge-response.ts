// What an answer means for its key: it is the outcome, or one must wait and ask again with the same key, or neither.

export type Meaning =
  /** The outcome: the same key would get the same answer for ever. */
  | { readonly kind: 'final' }
  /** Ask again with the same key, not before the pause; undefined: soon. */
  | { readonly kind: 'again'; readonly afterMs: number | undefined }
  /** No outcome, and asking again does not help: somebody has to do something first. The key is kept. */
  | { readonly kind: 'kept' };

const FINAL: Meaning = { kind: 'final' };
const KEPT: Meaning = { kind: 'kept' };
/** The server was busy, or something before it gave up waiting: it may have been done all the same. */
const AGAIN = new Set([408, 425, 429, 502, 503, 504]);
/** Depends on the moment or on who asks; the adapters of Onced bind none of these to the key. */
const RELEASED = new Set([401, 403, 407, 409, 423]);
const IN_PROGRESS_MS = 1_000;
const PROBLEM = 'urn:onced:problem:';
/** Refusals that end an intent all the same: it was done, or failed for good. */
const ENDED = new Set(['failed', 'response-not-kept']);

/** By the rules of the IETF draft for Idempotency-Key, and of Onced's adapters, which say more in application/problem+json. */
export async function judgeResponse(response: Response): Promise<Meaning> {
  const { status } = response;
  const problem = await problemOf(response);
  const afterMs = retryAfterMs(response);
  if (problem === 'in-progress') return { kind: 'again', afterMs: afterMs ?? IN_PROGRESS_MS };
  if (problem !== undefined && status !== 503) return ENDED.has(problem) ? FINAL : KEPT;
  if (AGAIN.has(status) || (status === 409 && afterMs !== undefined)) return { kind: 'again', afterMs };
  // 0: an answer that the page may not see.
  return status === 0 || status >= 500 || RELEASED.has(status) ? KEPT : FINAL;
}

async function problemOf(response: Response): Promise<string | undefined> {
  if (response.headers.get('content-type')?.startsWith('application/problem+json') !== true) return undefined;
  try {
    const { type } = (await response.clone().json()) as { readonly type?: unknown };
    return typeof type === 'string' && type.startsWith(PROBLEM) ? type.slice(PROBLEM.length) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined when there is none, or the page may not see it (CORS). */
export function retryAfterMs(response: Response, nowMs = Date.now()): number | undefined {
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  if (/^\d{1,9}$/u.test(value)) return Number(value) * 1_000;
  const at = Date.parse(value);
  // By the server's own clock, where it says what that shows.
  const sent = Date.parse(response.headers.get('date') ?? '');
  return Number.isNaN(at) ? undefined : Math.max(0, at - (Number.isNaN(sent) ? nowMs : sent));
}
