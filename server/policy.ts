// The rules of a namespace in effect: every value that an operation needs, none left open.

import { durationMs, type DurationMs, type Namespace } from '../storage/contract/index.ts';
import { limits } from './limits.ts';

export interface Policy {
  readonly leaseMs: DurationMs;
  readonly leaseMsMax: DurationMs;
  readonly ttlMs: DurationMs;
  readonly ttlMsMax: DurationMs;
  /** Result bytes go after this or with the outcome, whichever comes first. */
  readonly resultTtlMs: DurationMs;
  /** How long an orphan under HOLD, or an unknown outcome, waits to be resolved. */
  readonly orphanTtlMs: DurationMs;
  /** How long an expired remnant stays so that late retries are recognised. */
  readonly lateRetryGraceMs: DurationMs;
  readonly holdMsMax: DurationMs;
  readonly waitMsMax: DurationMs;
  /** Undefined: unlimited. */
  readonly attemptsMax: number | undefined;
  readonly onLeaseExpiry: 'TAKE_OVER' | 'HOLD';
  readonly resultBytesMax: number;
  readonly requireFingerprint: boolean;
  readonly waitersPerKeyMax: number;
  readonly waitersMax: number;
}

/** DESIGN.md 5, column "default". */
export const DEFAULT_POLICY: Policy = {
  leaseMs: durationMs(30_000),
  leaseMsMax: durationMs(limits.leaseMsMax),
  ttlMs: durationMs(86_400_000),
  ttlMsMax: durationMs(limits.ttlMsMax),
  resultTtlMs: durationMs(limits.ttlMsMax),
  orphanTtlMs: durationMs(30 * 86_400_000),
  lateRetryGraceMs: durationMs(3_600_000),
  holdMsMax: durationMs(86_400_000),
  waitMsMax: durationMs(limits.waitMsMax),
  attemptsMax: undefined,
  onLeaseExpiry: 'TAKE_OVER',
  resultBytesMax: 256 * 1024,
  requireFingerprint: false,
  waitersPerKeyMax: 100,
  waitersMax: 10_000,
};

/** How the server learns a namespace's rules; answers from memory, since every operation asks. */
export type PolicyLookup = (namespace: Namespace) => Policy;
