// Failed authentication per address: ten a minute, then one a second. Guessing 256 random bits is hopeless anyway; this
// keeps the attempts from costing the server more than an address look-up.

import { Rejection } from '../errors.ts';

const BURST = 10;
const REFILL_MS = 6000;
const PENALTY_MS = 1000;
/** Addresses that are remembered; beyond it the memory starts over. */
const ADDRESSES_MAX = 10_000;

interface Bucket {
  left: number;
  updatedMs: number;
}

export interface FailureLimit {
  /** Throws OVERLOADED for an address that has failed too often. */
  check(peer: string): void;
  count(peer: string): void;
}

export function createFailureLimit(now: () => number = () => performance.now()): FailureLimit {
  const buckets = new Map<string, Bucket>();

  const bucketOf = (address: string): Bucket | undefined => {
    const bucket = buckets.get(address);
    if (bucket === undefined) return undefined;
    const elapsedMs = now() - bucket.updatedMs;
    bucket.left = Math.min(BURST, bucket.left + elapsedMs / (bucket.left < 1 ? PENALTY_MS : REFILL_MS));
    bucket.updatedMs = now();
    return bucket;
  };

  return {
    check(peer) {
      if (buckets.size === 0) return;
      const bucket = bucketOf(addressOf(peer));
      if (bucket === undefined || bucket.left >= 1) return;
      throw new Rejection('OVERLOADED', 'too many failed authentications from this address', {
        retryAfterMs: PENALTY_MS,
      });
    },
    count(peer) {
      const address = addressOf(peer);
      const bucket = bucketOf(address) ?? { left: BURST, updatedMs: now() };
      bucket.left -= 1;
      if (buckets.size >= ADDRESSES_MAX) buckets.clear();
      buckets.set(address, bucket);
    },
  };
}

/** Without the port, which changes with each connection. */
const addressOf = (peer: string): string => peer.replace(/:\d+$/, '');
