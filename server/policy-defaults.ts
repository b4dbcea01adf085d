// DESIGN.md 5, column "default", as a policy message, and the bounds of each value.

import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  NamespacePolicySchema,
  OnLeaseExpiry,
  OnStoreOutage,
  type NamespacePolicy,
} from '../proto/gen/onced/v1/admin_pb.js';
import { limits } from './limits.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Values that are not here are unlimited or absent unless somebody sets them. */
export const DEFAULT_NAMESPACE_POLICY: NamespacePolicy = create(NamespacePolicySchema, {
  lease: durationFromMs(30_000),
  leaseMax: durationFromMs(limits.leaseMsMax),
  ttl: durationFromMs(DAY_MS),
  ttlMax: durationFromMs(limits.ttlMsMax),
  orphanTtl: durationFromMs(30 * DAY_MS),
  lateRetryGrace: durationFromMs(HOUR_MS),
  holdMax: durationFromMs(DAY_MS),
  waitMax: durationFromMs(limits.waitMsMax),
  onLeaseExpiry: OnLeaseExpiry.TAKE_OVER,
  onStoreOutage: OnStoreOutage.REJECT,
  resultBytesMax: 256 * 1024,
  requireFingerprint: false,
  requireIssuedKey: false,
  archive: false,
  waitersPerKeyMax: 100,
  waitersMax: 10_000,
  createOnFirstUse: true,
});

interface Bound {
  readonly min: number;
  readonly max: number;
}

/** Milliseconds for durations; by the field's name in the generated code. */
export const POLICY_BOUNDS: Readonly<Record<string, Bound>> = {
  lease: { min: limits.leaseMsMin, max: limits.leaseMsMax },
  leaseMax: { min: limits.leaseMsMin, max: limits.leaseMsMax },
  ttl: { min: limits.ttlMsMin, max: limits.ttlMsMax },
  ttlMax: { min: limits.ttlMsMin, max: limits.ttlMsMax },
  resultTtl: { min: limits.ttlMsMin, max: limits.ttlMsMax },
  orphanTtl: { min: limits.ttlMsMin, max: limits.ttlMsMax },
  lateRetryGrace: { min: 0, max: 30 * DAY_MS },
  holdMax: { min: limits.leaseMsMin, max: DAY_MS },
  waitMax: { min: 0, max: limits.waitMsMax },
  clientRetryWindow: { min: 0, max: limits.ttlMsMax },
  maxAttempts: { min: 1, max: 1000 },
  resultBytesMax: { min: 0, max: limits.resultBytesMax },
  beginsPerSecond: { min: 1, max: 1_000_000 },
  inProgressMax: { min: 1, max: 10_000_000 },
  waitersPerKeyMax: { min: 0, max: 10_000 },
  waitersMax: { min: 0, max: 100_000 },
  recordsMax: { min: 1, max: 1_000_000_000 },
};
