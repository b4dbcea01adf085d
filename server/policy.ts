// The rules of a namespace in effect, in the form that operations use: milliseconds and no value left open.

import type { NamespacePolicy } from '../proto/gen/onced/v1/admin_pb.js';
import { OnLeaseExpiry, OnStoreOutage } from '../proto/gen/onced/v1/admin_pb.js';
import { durationMs as protoMs, type Duration } from '@bufbuild/protobuf/wkt';
import { durationMs, type DurationMs, type Namespace } from '../storage/contract/index.ts';
import { limits } from './limits.ts';
import { DEFAULT_NAMESPACE_POLICY } from './policy-defaults.ts';

export interface Policy {
  readonly leaseMs: DurationMs;
  readonly leaseMsMax: DurationMs;
  readonly ttlMs: DurationMs;
  readonly ttlMsMax: DurationMs;
  /** Clients go on retrying for this long: whoever keeps a record for less would let a retry run again. */
  readonly ttlMsMin: DurationMs;
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
  readonly onStoreOutage: 'REJECT' | 'CONTINUE_DEGRADED';
  readonly resultBytesMax: number;
  readonly requireFingerprint: boolean;
  readonly requireIssuedKey: boolean;
  readonly archive: boolean;
  /** Undefined: unlimited. */
  readonly beginsPerSecond: number | undefined;
  readonly inProgressMax: number | undefined;
  readonly waitersPerKeyMax: number;
  readonly waitersMax: number;
  readonly recordsMax: number | undefined;
  readonly createOnFirstUse: boolean;
}

/** How the server learns a namespace's rules. Answers from memory, since every operation asks. */
export type PolicyLookup = (namespace: Namespace) => Policy;

/** What an effective policy (every value set that has a default) means for operations. */
export function policyOfMessage(effective: NamespacePolicy): Policy {
  const ms = (value: Duration | undefined): DurationMs =>
    durationMs(value === undefined ? 0 : Math.ceil(protoMs(value)));
  const retryWindowMs = ms(effective.clientRetryWindow);
  // Also where file and store contradict each other, which neither is checked for: never shorter than clients go on retrying.
  const retained = (value: Duration | undefined): DurationMs => durationMs(Math.max(ms(value), retryWindowMs));
  return {
    leaseMs: ms(effective.lease),
    leaseMsMax: durationMs(Math.min(ms(effective.leaseMax), ms(effective.holdMax))),
    ttlMs: retained(effective.ttl),
    ttlMsMax: ms(effective.ttlMax),
    ttlMsMin: durationMs(Math.max(limits.ttlMsMin, retryWindowMs)),
    resultTtlMs: ms(effective.resultTtl ?? effective.ttlMax),
    orphanTtlMs: retained(effective.orphanTtl),
    lateRetryGraceMs: ms(effective.lateRetryGrace),
    holdMsMax: ms(effective.holdMax),
    waitMsMax: ms(effective.waitMax),
    attemptsMax: effective.maxAttempts,
    onLeaseExpiry: effective.onLeaseExpiry === OnLeaseExpiry.HOLD ? 'HOLD' : 'TAKE_OVER',
    onStoreOutage: effective.onStoreOutage === OnStoreOutage.CONTINUE_DEGRADED ? 'CONTINUE_DEGRADED' : 'REJECT',
    resultBytesMax: effective.resultBytesMax ?? 0,
    requireFingerprint: effective.requireFingerprint ?? false,
    requireIssuedKey: effective.requireIssuedKey ?? false,
    archive: effective.archive ?? false,
    beginsPerSecond: effective.beginsPerSecond,
    inProgressMax: effective.inProgressMax,
    waitersPerKeyMax: effective.waitersPerKeyMax ?? 0,
    waitersMax: effective.waitersMax ?? 0,
    recordsMax: effective.recordsMax === undefined ? undefined : Number(effective.recordsMax),
    createOnFirstUse: effective.createOnFirstUse ?? true,
  };
}

/** What holds where nobody has set anything. */
export const DEFAULT_POLICY: Policy = policyOfMessage(DEFAULT_NAMESPACE_POLICY);
