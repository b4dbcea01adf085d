// Requests to a store with the dull fields filled in, by the store's own clock; for tests of what it does under faults.

import { randomBytes, randomUUID } from 'node:crypto';
import {
  durationMs,
  type ClaimRequest,
  type Key,
  type LeaseToken,
  type Namespace,
  type RecordId,
  type SettleRequest,
} from '../../storage/contract/index.ts';

const TTL_MS = durationMs(86_400_000);
const GRACE_MS = durationMs(60_000);

export const newToken = (): LeaseToken => randomBytes(16).toString('hex') as LeaseToken;

export function requestsIn(name: string) {
  const namespace = name as Namespace;
  const idOf = (key: string): RecordId => ({ namespace, key: key as Key });

  return {
    namespace,
    idOf,

    claimOf: (key: string, leaseToken = newToken()): ClaimRequest => ({
      ...idOf(key),
      expected: 'absent',
      fingerprints: [],
      labels: {},
      attemptId: randomUUID(),
      owner: 'faults',
      leaseToken,
      leaseMs: durationMs(30_000),
      orphanTtlMs: TTL_MS,
      retention: { ttlMs: TTL_MS, graceMs: GRACE_MS },
    }),

    settleOf: (key: string, leaseToken: LeaseToken, result: Uint8Array): SettleRequest => ({
      ...idOf(key),
      guard: { kind: 'token', leaseToken },
      settlement: {
        kind: 'completed',
        result,
        contentType: 'text/plain',
        contentEncoding: '',
        labels: {},
        resultTtlMs: TTL_MS,
      },
      settleDigest: `digest of ${key}`,
      ttlMs: undefined,
      graceMs: GRACE_MS,
    }),
  };
}
