// What the HTTP adapters share: their options, and what a status means for its key. As in every language: see
// clients/vectors/README.md.

import type { RunOptions } from '../work/run-once.ts';

/** required: 400 without a key. optional: without a key the handler just runs. never: a key is ignored. */
export type Need = 'required' | 'optional' | 'never';

/** store: replayed to every repeat. release: nothing was done, a repeat runs. hold: nobody knows; somebody has to look. */
export type Verdict = 'store' | 'release' | 'hold';

export interface HttpOptions<Request> {
  /** Of the keys. 1 to 128 of a-z 0-9 . _ - / */
  readonly namespace: string;
  /**
   * Whose key it is: a tenant or principal, from what was authenticated. Keys of two scopes never meet. Nothing, or an
   * empty scope, refuses the request with 401. Never use an address: people behind one share it. `singleTenant` is for a
   * service whose callers may all see one another's responses.
   */
  readonly scope: (request: Request) => string | undefined | Promise<string | undefined>;
  /** Which requests must carry a key. Default: POST and PATCH must, all others pass. */
  readonly need?: (request: Request) => Need;
  /** Default: Idempotency-Key. */
  readonly keyHeader?: string;
  /** What a response means for its key, by its status. Default: `defaultVerdict`. */
  readonly verdict?: (status: number) => Verdict;
  /** Names of more headers to store and replay. Never one that holds a secret, such as set-cookie. */
  readonly replayedHeaders?: readonly string[];
  /** Bytes of a request with a key; it is held in memory, a larger one gets 413. Default: 1,048,576. */
  readonly requestBytesMax?: number;
  /**
   * Bytes of a response that is stored. The body of a larger one reaches its caller, but is not kept: repeats get 410.
   * Default: 256,000; the namespace's result_bytes_max must be larger.
   */
  readonly responseBytesMax?: number;
  /** Parts of a JSON body that do not belong to its meaning, as JSON pointers. Default: none. */
  readonly exclude?: readonly string[];
  /** Of the run, such as leaseMs, ttlMs, or whenBusy: 'wait' to wait for an outcome instead of answering 409 at once. */
  readonly run?: Omit<RunOptions, 'exclude' | 'fingerprints' | 'onThrow' | 'signal'>;
}

export const singleTenant = (): string => 'single-tenant';

const RELEASED = new Set([401, 403, 407, 408, 409, 423, 425, 429, 501, 503]);

/**
 * Stores successes, redirections, and refusals that come from the request itself: a corrected request has another body, and
 * needs another key anyway. What depends on the moment is released. After any other server error nobody knows how far the
 * handler got.
 */
export function defaultVerdict(status: number): Verdict {
  if (RELEASED.has(status)) return 'release';
  return status >= 500 ? 'hold' : 'store';
}

const REPLAYED_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'etag',
  'last-modified',
  'link',
  'location',
  'vary',
] as const;

/** Milliseconds for a server that does not answer, then 503: the client may come back. */
const TIMEOUT_MS = 5_000;

/** With every default filled in; `replayedHeaders` in lower case and sorted. */
export type Settings<Request> = Required<HttpOptions<Request>>;

export function settingsOf<Request extends { readonly method?: string | undefined }>(
  options: HttpOptions<Request>,
): Settings<Request> {
  const { replayedHeaders = [], run = {}, ...others } = options;
  const names = [...REPLAYED_HEADERS, ...replayedHeaders.map((name) => name.toLowerCase())];
  return {
    need: ({ method }) => (method === 'POST' || method === 'PATCH' ? 'required' : 'never'),
    keyHeader: 'Idempotency-Key',
    verdict: defaultVerdict,
    requestBytesMax: 1_048_576,
    responseBytesMax: 256_000,
    exclude: [],
    ...others,
    replayedHeaders: [...new Set(names)].toSorted(),
    run: { whenBusy: 'reject', timeoutMs: TIMEOUT_MS, ...run },
  };
}
