// The three writes that a begin may decide on. Each is guarded: when the record changed in between, what was found
// instead comes back and the begin decides again.

import {
  type BeginDecision,
  type EpochMs,
  type Found,
  type IntentError,
  type StoredRecord,
} from '../../storage/contract/index.ts';
import type { HastyOptions } from '../breaker.ts';
import type { CallContext, Engine } from '../context.ts';
import { acquiredMessage, ATTEMPTS_EXHAUSTED, failedMessage } from '../messages.ts';
import type { BeginAsk } from './begin-ask.ts';
import type { BeginOutcome } from './begin.ts';
import { newLeaseToken } from './lease-token.ts';

type Claim = Extract<BeginDecision, { kind: 'claim' }>;
type Extend = Extract<BeginDecision, { kind: 'extend' }>;
type Exhaust = Extract<BeginDecision, { kind: 'exhaust' }>;

export type BeginWrite =
  { readonly kind: 'written'; readonly outcome: BeginOutcome } | { readonly kind: 'found'; readonly found: Found };

/** Not async itself: one promise less for every begin. */
export function writeBegin(
  engine: Engine,
  ask: BeginAsk,
  decision: Claim | Extend | Exhaust,
  call: CallContext,
): Promise<BeginWrite> {
  switch (decision.kind) {
    case 'claim':
      return claim(engine, ask, decision, call);
    case 'extend':
      return extendOwn(engine, ask, decision, call);
    case 'exhaust':
      return exhaust(engine, ask, decision, call);
  }
}

async function claim(engine: Engine, ask: BeginAsk, decision: Claim, call: CallContext): Promise<BeginWrite> {
  const { namespace, key, labels, attemptId, owner, leaseMs, ttlMs, policy } = ask;
  const written = await engine.store.claim(
    {
      namespace,
      key,
      expected: decision.expected,
      fingerprints: decision.fingerprints,
      labels,
      attemptId,
      owner,
      leaseToken: newLeaseToken(),
      leaseMs,
      orphanTtlMs: policy.onLeaseExpiry === 'HOLD' ? policy.orphanTtlMs : ttlMs,
      retention: { ttlMs, graceMs: policy.lateRetryGraceMs },
    },
    optionsOf(ask, call),
  );
  if (!written.applied || written.record === undefined) return { kind: 'found', found: written };
  if (written.replacedExpired) engine.metrics.lateRetry(namespace);
  engine.quotas.began(namespace, written.record.attemptOrigin === 'FRESH');
  return acquired(engine, written.record, written.nowMs);
}

/** The same attempt asks again: its lease counts from now, its token stays. */
async function extendOwn(engine: Engine, ask: BeginAsk, decision: Extend, call: CallContext): Promise<BeginWrite> {
  const { namespace, key, leaseMs, ttlMs, policy } = ask;
  const written = await engine.store.extend(
    {
      namespace,
      key,
      guard: { kind: 'revision', revision: decision.revision },
      leaseMs,
      holdMsMax: policy.holdMsMax,
      orphanTtlMs: policy.onLeaseExpiry === 'HOLD' ? policy.orphanTtlMs : ttlMs,
      graceMs: policy.lateRetryGraceMs,
      checkpoint: undefined,
    },
    optionsOf(ask, call),
  );
  if (!written.applied || written.record === undefined) return { kind: 'found', found: written };
  return acquired(engine, written.record, written.nowMs);
}

function acquired(engine: Engine, record: StoredRecord, nowMs: EpochMs): BeginWrite {
  engine.waiters.watchLease(record, record.leaseExpireMs - nowMs);
  engine.watchers.changed(record);
  return { kind: 'written', outcome: { case: 'acquired', value: acquiredMessage(record, nowMs) } };
}

async function exhaust(engine: Engine, ask: BeginAsk, decision: Exhaust, call: CallContext): Promise<BeginWrite> {
  const { namespace, key, policy } = ask;
  const options = optionsOf(ask, call);
  const before = await engine.store.read({ namespace, key, includeResult: false }, options);
  if (before.record?.revision !== decision.revision) return { kind: 'found', found: before };
  const written = await engine.store.settle(
    {
      namespace,
      key,
      guard: { kind: 'revision', revision: decision.revision },
      settlement: { kind: 'failed', error: exhaustedError(before.record.attempt, before.record.error) },
      settleDigest: '',
      ttlMs: undefined,
      graceMs: policy.lateRetryGraceMs,
    },
    options,
  );
  if (!written.applied || written.record === undefined) return { kind: 'found', found: written };
  const { record, nowMs } = written;
  engine.waiters.wakeAll(record, { kind: 'outcome', record, nowMs });
  engine.watchers.changed(record);
  return { kind: 'written', outcome: { case: 'failed', value: failedMessage(record) } };
}

/** The outcome of a key whose attempts are used up; keeps what the last one said. */
export function exhaustedError(attempts: number, last: IntentError | undefined): IntentError {
  const lastSaid =
    last === undefined ? 'the last one vanished' : `the last one failed with ${last.code}: ${last.message}`;
  return {
    code: ATTEMPTS_EXHAUSTED,
    message: `all ${attempts} allowed attempts are used up; ${lastSaid}`.slice(0, 1024),
    detail: last?.detail ?? new Uint8Array(0),
    contentType: last?.contentType ?? '',
  };
}

/** Who does not go on without the store need not wait for one that does not answer. */
export function optionsOf({ policy }: Pick<BeginAsk, 'policy'>, { signal }: Pick<CallContext, 'signal'>): HastyOptions {
  const isHasty = policy.onStoreOutage === 'REJECT';
  return signal === undefined ? { isHasty } : { isHasty, signal };
}
