// Lease tokens: 128 random bits.

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
