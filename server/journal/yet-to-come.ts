// Attempts that began on one server's journal, seen by another server.

import { isExpired, isLive, type EpochMs, type LeaseToken, type StoredRecord } from '../../storage/contract/index.ts';
import { isJournals, isJournalsFor } from '../calls/lease-token.ts';
import type { Policy } from '../policy.ts';

export interface Elsewhere {
  readonly leaseToken: LeaseToken;
  readonly onLeaseExpiry: Policy['onLeaseExpiry'];
}

/**
 * Whether the attempt may still take its place in the store, once its server writes its journal: as long as a begin would be
 * given the lease, or where the store has the attempt already under another token: its begin had been sent there when the store
 * went away. Asked of a token that the record is not held by.
 */
export function isYetToCome(
  { leaseToken, onLeaseExpiry }: Elsewhere,
  record: StoredRecord | undefined,
  nowMs: EpochMs,
): boolean {
  if (!isJournals(leaseToken)) return false;
  if (record === undefined || isExpired(record, nowMs) || record.state === 'RELEASED') return true;
  if (record.state !== 'IN_PROGRESS') return false;
  if (isJournalsFor(leaseToken, record.attemptId)) return true;
  return !isLive(record, nowMs) && onLeaseExpiry === 'TAKE_OVER';
}
