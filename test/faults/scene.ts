// Calls as a server makes them, and a caller who repeats what was not answered.

import { randomBytes, randomUUID } from 'node:crypto';
import { durationMs, StoreError, type Key, type LeaseToken, type Namespace } from '../../storage/contract/index.ts';
import { begin, settle, type BeginAnswer, type BeginCall, type HolderAnswer, type Policy } from '../model/caller.ts';
import type { CallerStore } from '../model/caller.ts';

const DAY_MS = durationMs(86_400_000);

export const POLICY: Policy = {
  onLeaseExpiry: 'TAKE_OVER',
  attemptsMax: undefined,
  leaseMs: durationMs(60_000),
  ttlMs: DAY_MS,
  resultTtlMs: DAY_MS,
  orphanTtlMs: DAY_MS,
  graceMs: durationMs(60_000),
  holdMsMax: DAY_MS,
};

export const NAMESPACE = 'faults' as Namespace;

export const newToken = (): LeaseToken => randomBytes(16).toString('hex') as LeaseToken;

export const beginOf = (key: string, attemptId = randomUUID()): BeginCall => ({
  rpc: 'begin',
  namespace: NAMESPACE,
  key: key as Key,
  attemptId,
  fingerprints: [],
  leaseToken: newToken(),
});

export const settleOf = (key: string, leaseToken: LeaseToken, result: string) => ({
  rpc: 'settle' as const,
  namespace: NAMESPACE,
  key: key as Key,
  leaseToken,
  settlement: {
    kind: 'completed' as const,
    result: Buffer.from(result),
    contentType: 'text/plain',
    contentEncoding: '',
    labels: {},
    resultTtlMs: POLICY.resultTtlMs,
  },
  settleDigest: `digest of ${result}`,
});

export const beginOn = (store: CallerStore, call: BeginCall): Promise<BeginAnswer> => begin(store, POLICY, call);
export const settleOn = (store: CallerStore, call: ReturnType<typeof settleOf>): Promise<HolderAnswer> =>
  settle(store, POLICY, call);

/** Repeats a call until it is answered, or until the time is over: then undefined. Counts what went wrong by kind. */
export async function patiently<T>(
  call: () => Promise<T>,
  { untilMs, trouble }: { readonly untilMs: number; readonly trouble: Map<string, number> },
): Promise<T | undefined> {
  while (performance.now() < untilMs) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      trouble.set(error.kind, (trouble.get(error.kind) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return undefined;
}
