// What the gRPC adapters share: their options, and what a status means for its key. As in every language: see
// clients/vectors/README.md.

import type { Need, Verdict } from '../http/options.ts';
import type { RunOptions } from '../work/run-once.ts';

export type { Need, Verdict };

export interface RpcOptions<Call> {
  /** Of the keys. 1 to 128 of a-z 0-9 . _ - / */
  readonly namespace: string;
  /**
   * Whose key it is: a tenant or principal, from what was authenticated. Keys of two scopes never meet. Nothing, or an
   * empty scope, refuses the call with UNAUTHENTICATED. `singleTenant` is for a service whose callers may all see one
   * another's responses.
   */
  readonly scope: (call: Call) => string | undefined | Promise<string | undefined>;
  /** By its full name (`/payments.v1.Payments/Charge`), whether a method needs a key. Default: optional. */
  readonly need?: (method: string) => Need;
  /** Name of the metadata. Default: idempotency-key. */
  readonly keyHeader?: string;
  /** What a failed call means for its key, by the number of its code. Default: `defaultVerdict`. */
  readonly verdict?: (code: number) => Verdict;
  /** Parts of the request's JSON that do not belong to its meaning, as JSON pointers. Default: none. */
  readonly exclude?: readonly string[];
  /** Of the run, such as leaseMs or ttlMs. Default: waits for the first call's outcome for 10 seconds. */
  readonly run?: Omit<RunOptions, 'exclude' | 'fingerprints' | 'onThrow' | 'signal'>;
}

export { singleTenant } from '../http/options.ts';

// INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, OUT_OF_RANGE
const STORED = new Set([3, 5, 6, 9, 11]);
// PERMISSION_DENIED, RESOURCE_EXHAUSTED, ABORTED, UNIMPLEMENTED, UNAVAILABLE, UNAUTHENTICATED
const RELEASED = new Set([7, 8, 10, 12, 14, 16]);

/**
 * Stores refusals that come from the request itself, and releases what depends on the moment. After any other error nobody
 * knows how far the method got.
 */
export function defaultVerdict(code: number): Verdict {
  if (STORED.has(code)) return 'store';
  return RELEASED.has(code) ? 'release' : 'hold';
}

const TIMEOUT_MS = 10_000;

export type RpcSettings<Call> = Required<RpcOptions<Call>>;

export const rpcSettingsOf = <Call>({ run, ...options }: RpcOptions<Call>): RpcSettings<Call> => ({
  need: () => 'optional',
  keyHeader: 'idempotency-key',
  verdict: defaultVerdict,
  exclude: [],
  ...options,
  run: { timeoutMs: TIMEOUT_MS, ...run },
});
