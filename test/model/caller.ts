// The caller's side of the contract, as small as it gets: ask the store, decide by decide.ts, ask again when a guard did
// not hold. What a server does around each RPC, without the RPC.

import {
  decideBegin,
  decideHolder,
  type BeginDecision,
  type ClaimRequest,
  type DurationMs,
  type ExtendRequest,
  type Fingerprint,
  type Guard,
  type HolderDecision,
  type LeaseToken,
  type RecordId,
  type Settlement,
  type Store,
  type StoredRecord,
  type Written,
} from '../../storage/contract/index.ts';

export interface Policy {
  readonly onLeaseExpiry: 'TAKE_OVER' | 'HOLD';
  readonly attemptsMax: number | undefined;
  readonly leaseMs: DurationMs;
  readonly ttlMs: DurationMs;
  readonly resultTtlMs: DurationMs;
  readonly orphanTtlMs: DurationMs;
  readonly graceMs: DurationMs;
  readonly holdMsMax: DurationMs;
}

/** The store verbs that callers use. The clock is the store's, so that a call judges by the instant it is executed at. */
export type CallerStore = Pick<Store, 'claim' | 'extend' | 'settle' | 'list' | 'compact'>;

export interface BeginCall extends RecordId {
  readonly rpc: 'begin';
  readonly attemptId: string;
  readonly fingerprints: readonly Fingerprint[];
  /** Made anew for every call, repeats included; only the one that acquires comes to stand in the record. */
  readonly leaseToken: LeaseToken;
}

export interface SettleCall extends RecordId {
  readonly rpc: 'settle';
  readonly leaseToken: LeaseToken;
  readonly settlement: Settlement;
  readonly settleDigest: string;
}

export interface ExtendCall extends RecordId {
  readonly rpc: 'extend';
  readonly leaseToken: LeaseToken;
  /** False for a checkpoint that leaves the lease alone. */
  readonly renews: boolean;
  readonly checkpoint: Uint8Array | undefined;
}

export type BeginAnswer =
  | { readonly kind: 'acquired'; readonly record: StoredRecord }
  | Exclude<BeginDecision, { kind: 'claim' | 'extend' | 'exhaust' }>;

export type HolderAnswer =
  { readonly kind: 'done'; readonly record: StoredRecord } | Exclude<HolderDecision, { kind: 'apply' }>;

const ROUNDS_MAX = 20;

export async function begin(store: CallerStore, policy: Policy, call: BeginCall): Promise<BeginAnswer> {
  let written: Written = await store.claim(claimOf(policy, call, 'absent', call.fingerprints));
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    if (written.applied) return { kind: 'acquired', record: recordOf(written) };
    const decision = decideBegin({ ...call, ...policy }, written.record, written.nowMs);
    if (decision.kind === 'claim') {
      written = await store.claim(claimOf(policy, call, decision.expected, decision.fingerprints));
    } else if (decision.kind === 'extend') {
      const guard = { kind: 'revision', revision: decision.revision } as const;
      written = await store.extend(extendOf(policy, call, guard, policy.leaseMs));
    } else if (decision.kind === 'exhaust') {
      written = await store.settle(exhaustOf(policy, call, decision.revision));
      if (written.applied) return { kind: 'failed', record: recordOf(written) };
    } else {
      return decision;
    }
  }
  throw new Error(`no decision after ${ROUNDS_MAX} rounds`);
}

export async function settle(store: CallerStore, policy: Policy, call: SettleCall): Promise<HolderAnswer> {
  const guard = { kind: 'token', leaseToken: call.leaseToken } as const;
  const { namespace, key, settlement, settleDigest } = call;
  const ttlMs = ttlOf(policy, settlement);
  const written = await store.settle({
    namespace,
    key,
    guard,
    settlement,
    settleDigest,
    ttlMs,
    graceMs: policy.graceMs,
  });
  return holderAnswer(written, call.leaseToken, settleDigest);
}

export async function extend(store: CallerStore, policy: Policy, call: ExtendCall): Promise<HolderAnswer> {
  const leaseMs = call.renews ? policy.leaseMs : undefined;
  const guard = { kind: 'token', leaseToken: call.leaseToken } as const;
  const written = await store.extend({
    ...extendOf(policy, call, guard, leaseMs),
    checkpoint: call.checkpoint,
  });
  return holderAnswer(written, call.leaseToken, undefined);
}

/** An unknown outcome is kept for the orphan ttl, any other ending as the record was claimed. */
export const ttlOf = (policy: Policy, settlement: Settlement): DurationMs | undefined =>
  settlement.kind === 'unknown' ? policy.orphanTtlMs : undefined;

function recordOf(written: Written): StoredRecord {
  if (written.record === undefined) throw new Error('an applied write must show the record');
  return written.record;
}

function holderAnswer(written: Written, leaseToken: LeaseToken, settleDigest: string | undefined): HolderAnswer {
  if (written.applied) return { kind: 'done', record: recordOf(written) };
  const decision = decideHolder({ leaseToken, settleDigest }, written.record, written.nowMs);
  if (decision.kind === 'apply') throw new Error('the store refused a write that its own record allows');
  return decision;
}

function claimOf(
  policy: Policy,
  call: BeginCall,
  expected: ClaimRequest['expected'],
  fingerprints: readonly Fingerprint[],
): ClaimRequest {
  const { namespace, key, attemptId, leaseToken } = call;
  const { leaseMs, orphanTtlMs, ttlMs, graceMs } = policy;
  const owner = `owner of ${attemptId}`;
  const retention = { ttlMs, graceMs };
  return {
    namespace,
    key,
    expected,
    fingerprints,
    labels: {},
    attemptId,
    owner,
    leaseToken,
    leaseMs,
    orphanTtlMs,
    retention,
  };
}

function extendOf(
  policy: Policy,
  { namespace, key }: RecordId,
  guard: Guard,
  leaseMs: DurationMs | undefined,
): ExtendRequest {
  const { holdMsMax, orphanTtlMs, graceMs } = policy;
  return { namespace, key, guard, leaseMs, holdMsMax, orphanTtlMs, graceMs, checkpoint: undefined };
}

export const EXHAUSTED = {
  code: 'ATTEMPTS_EXHAUSTED',
  message: 'all attempts are used up',
  detail: new Uint8Array(0),
  contentType: '',
};

function exhaustOf(policy: Policy, { namespace, key }: RecordId, revision: number) {
  const settlement = { kind: 'failed', error: EXHAUSTED } as const;
  const guard = { kind: 'revision', revision } as const;
  const settleDigest = 'exhausted';
  return { namespace, key, guard, settlement, settleDigest, ttlMs: undefined, graceMs: policy.graceMs };
}
