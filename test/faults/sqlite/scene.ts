// Requests with the dull fields filled in, for tests of what the SQLite store does under faults.

import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  durationMs,
  type ClaimRequest,
  type Key,
  type LeaseToken,
  type Namespace,
  type SettleRequest,
} from '../../../storage/contract/index.ts';

export const NAMESPACE = 'faults/sqlite' as Namespace;
export const TTL_MS = durationMs(86_400_000);
export const GRACE_MS = durationMs(60_000);

export const idOf = (key: string) => ({ namespace: NAMESPACE, key: key as Key });
export const newToken = (): LeaseToken => randomBytes(16).toString('hex') as LeaseToken;

export const claimOf = (key: string, leaseToken = newToken()): ClaimRequest => ({
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
});

export const settleOf = (key: string, leaseToken: LeaseToken, result: Uint8Array): SettleRequest => ({
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
});

/** Runs in a folder of its own, which is gone afterwards. */
export async function inFolder(prove: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'onced-faults-'));
  try {
    await prove(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
