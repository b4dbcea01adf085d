// Lease tokens: 128 random bits, 96 where the attempt began on a journal.

import { randomFillSync } from 'node:crypto';
import type { LeaseToken } from '../../storage/contract/index.ts';
import { limits } from '../limits.ts';

const pool = Buffer.alloc(limits.leaseTokenBytes * 256);
let offset = pool.length;

/** Cut from a pool: a call of its own to the random source for each token costs ten times as much. */
export function newLeaseToken(): LeaseToken {
  if (offset === pool.length) {
    randomFillSync(pool);
    offset = 0;
  }
  const token = pool.toString('hex', offset, offset + limits.leaseTokenBytes);
  offset += limits.leaseTokenBytes;
  return token as LeaseToken;
}

/** In hexadecimal, as tokens are kept: what all tokens of journals begin with, and one in four billion others. */
const JOURNAL_MARK = '6a726e6c';

/** The token of an attempt that begins on this server's journal: every other server can tell that no store knows it yet. */
export const markAsJournals = (token: LeaseToken): LeaseToken =>
  `${JOURNAL_MARK}${token.slice(JOURNAL_MARK.length)}` as LeaseToken;

export const isJournals = (token: LeaseToken): boolean => token.startsWith(JOURNAL_MARK);
