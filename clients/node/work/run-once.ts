// runOnce: the whole job in one call. Fingerprint, begin, work under a lease, record the outcome; or the stored outcome.

import { claim } from './claim.ts';
import type { Fingerprint } from '../fingerprint/canonical-json.ts';
import type { Log } from '../options.ts';
import { perform, type PerformOptions, type Work } from './perform.ts';
import type { Acquired, BeginRequest, Completed, IntentCalls, Labels } from '../types.ts';
import { decodeValue } from './values.ts';
import { IntentFailedError, OrphanedError, ResultDroppedError } from './work-errors.ts';

const TIMEOUT_MS = 60_000;
const WAIT_MS = 10_000;

export interface RunOptions extends PerformOptions {
  /** Milliseconds within which there must be a stored outcome or the work must have begun. Default: 60,000. */
  readonly timeoutMs?: number;
  /** Milliseconds that one begin waits on the server for somebody else's outcome. 0 to 60,000. Default: 10,000. */
  readonly waitMs?: number;
  /** `reject`: InProgressError or RetryLaterError at once, where somebody else is at it. Default: wait. */
  readonly whenBusy?: 'wait' | 'reject';
  /** Ends the waiting for somebody else. Work that has begun is finished and recorded all the same. Default: none. */
  readonly signal?: AbortSignal;
  /** Parts of the request that do not belong to its meaning, as JSON pointers; see FingerprintOptions. Default: none. */
  readonly exclude?: readonly string[];
  /** Instead of the request's own fingerprint, such as two while a scheme changes. Up to 4. Default: made of the request. */
  readonly fingerprints?: readonly Fingerprint[];
  /** Who asks, for people. Up to 256 bytes. Default: the client's `owner`. */
  readonly owner?: string;
  /** For people and tools, such as a trace id. Up to 16 of 64 + 256 bytes. Default: none. */
  readonly labels?: Labels;
}

export interface RunResult<T> {
  /** What the work returned, as its JSON says, or bytes. The same for the caller who ran it and those who get it replayed. */
  readonly value: T;
  /** An earlier call did the work; this one did nothing. */
  readonly replayed: boolean;
  /** The attempt that did it. */
  readonly attempt: number;
  readonly fencingToken: number;
  /** From then on the key counts as never seen, and a retry would run again. */
  readonly expireMs: number;
  /** Media type of the result as it is stored: application/json, or application/octet-stream for bytes. */
  readonly contentType: string;
  /** Stored with the result. */
  readonly labels: Labels;
}

/**
 * Does the work once for the key and gives its result to every caller, now and until the record expires.
 *
 * Somebody else is at it: waits for their outcome, up to `timeoutMs` (then InProgressError or RetryLaterError). It was
 * done: gives the stored result without calling the work. It failed for good: IntentFailedError. Nobody knows whether it
 * happened: OrphanedError. The key stands for another request: KeyReusedError. What happens when the work throws:
 * PerformOptions.onThrow.
 *
 * Bytes are fingerprinted as bytes, anything else as JSON; give null when the key alone stands for the operation.
 */
export async function runOnce<T>(
  client: IntentCalls,
  { namespace, key }: { readonly namespace: string; readonly key: string },
  work: Work<T>,
  options: RunOptions & { readonly fingerprints: readonly Fingerprint[]; readonly log: Log },
): Promise<RunResult<T>> {
  const { timeoutMs = TIMEOUT_MS, whenBusy = 'wait', signal, log } = options;
  const waitMs = whenBusy === 'reject' ? 0 : (options.waitMs ?? WAIT_MS);
  const begin = {
    ...beginOf(options),
    namespace,
    key,
    fingerprints: options.fingerprints,
  };
  const answer = await claim(client, begin, { timeoutMs, waitMs, whenBusy, signal, log });
  switch (answer.kind) {
    case 'acquired':
      return run(client, { namespace, key, acquired: answer }, work, options);
    case 'completed':
      return replay(answer);
    case 'failed':
      throw new IntentFailedError(answer, { replayed: true });
    case 'orphaned':
      throw new OrphanedError(answer);
  }
}

/** Only what was given: an absent field leaves the choice to the namespace. */
function beginOf(options: RunOptions): Partial<BeginRequest> {
  const { leaseMs, ttlMs, owner, labels } = options;
  return {
    ...(leaseMs === undefined ? {} : { leaseMs }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(owner === undefined ? {} : { owner }),
    ...(labels === undefined ? {} : { labels }),
  };
}

async function run<T>(
  client: IntentCalls,
  { namespace, key, acquired }: { namespace: string; key: string; acquired: Acquired },
  work: Work<T>,
  options: RunOptions & { readonly log: Log },
): Promise<RunResult<T>> {
  const hold = { namespace, key, leaseToken: acquired.leaseToken };
  const { encoded, record } = await perform(client, { hold, acquired }, work, options);
  const { attempt, fencingToken } = acquired;
  const { contentType, labels = {} } = encoded;
  const { expireMs } = record;
  return { value: decodeValue(encoded) as T, replayed: false, attempt, fencingToken, expireMs, contentType, labels };
}

function replay<T>(stored: Completed): RunResult<T> {
  if (stored.resultDropped) throw new ResultDroppedError(stored.completeMs);
  const { attempt, fencingToken, expireMs, contentType, labels } = stored;
  return { value: decodeValue(stored) as T, replayed: true, attempt, fencingToken, expireMs, contentType, labels };
}
