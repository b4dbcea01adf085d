// What every call by a lease token has in common: who asks, and the loop from guarded write to decision.

import {
  decideHolder,
  StoreError,
  type EpochMs,
  type HolderAsk,
  type LeaseToken,
  type RecordId,
  type StoredRecord,
  type Written,
} from '../../storage/contract/index.ts';
import type { Engine } from '../context.ts';
import { Rejection } from '../errors.ts';
import { isYetToCome, type Elsewhere } from '../journal/yet-to-come.ts';
import { limits } from '../limits.ts';
import type { Place } from '../outage.ts';
import type { Policy } from '../policy.ts';
import { readKey, readLeaseToken, readNamespace, type Violations } from '../validate.ts';
import { goOn } from './go-on.ts';

export interface Holder {
  readonly id: RecordId;
  readonly leaseToken: LeaseToken;
  readonly policy: Policy;
}

export interface HolderFields {
  readonly namespace: string;
  readonly key: string;
  readonly leaseToken: Uint8Array;
}

/** Throws at once when the key itself is wrong: without a namespace there is no policy to check the rest by. */
export function readHolder(engine: Engine, fields: HolderFields, violations: Violations): Holder {
  const namespace = readNamespace(fields.namespace, violations);
  const key = readKey(fields.key, violations);
  const leaseToken = readLeaseToken(fields.leaseToken, violations);
  violations.check();
  return { id: { namespace, key }, leaseToken, policy: engine.standingPolicyOf(namespace) };
}

/** Runs on the store, or on the journal where the attempt stands there or the store is down and the namespace goes on. */
export async function atStoreOrJournal<T>(
  engine: Engine,
  holder: Holder,
  run: (engine: Engine) => Promise<T>,
): Promise<{ readonly value: T; readonly journaled: boolean }> {
  const { outage } = engine;
  try {
    const standing = outage.isKeeping() ? await outage.standing(engine, holder) : undefined;
    return { value: await run(standing ?? engine), journaled: standing !== undefined };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const placeFor = async (failure: unknown): Promise<Place> => outage.forHolder(engine, holder, failure);
    return goOn(placeFor, error, async ({ engine: at, isLocal }) => {
      if (!isLocal && outage.isKeeping()) await outage.bringOver(engine, holder.id);
      return { value: await run(at), journaled: isLocal };
    });
  }
}

export interface Settled {
  readonly record: StoredRecord;
  readonly nowMs: EpochMs;
  readonly alreadyApplied: boolean;
}

/** Writes; if it did not apply, decides what that means. Throws the rejection, returns what stands otherwise. */
export async function untilDecided(ask: HolderAsk & Elsewhere, write: () => Promise<Written>): Promise<Settled> {
  for (let decisions = 0; decisions < limits.decisionsMax; decisions += 1) {
    const { applied, record, nowMs } = await write();
    if (applied && record !== undefined) return { record, nowMs, alreadyApplied: false };
    const decision = decideHolder(ask, record, nowMs);
    if (decision.kind === 'already-applied') return { record: decision.record, nowMs, alreadyApplied: true };
    if (decision.kind === 'rejected') {
      const isLater = decision.reason !== 'ALREADY_SETTLED' && isYetToCome(ask, record, nowMs);
      throw isLater ? notYetWritten() : rejectionOf(decision);
    }
    // 'apply' after a write that did not apply: the record changed between the two, so ask again.
  }
  throw new Rejection('OVERLOADED', 'the record changes faster than this call can follow; repeat it', {
    retryAfterMs: limits.retryAfterMsHintMax,
  });
}

/** Not a definite answer: the holder would drop an outcome that the store can take in a moment. */
const notYetWritten = (): Rejection =>
  new Rejection(
    'STORE_UNAVAILABLE',
    'the attempt began on another server while the store was down, and that server has not written it yet; repeat the call',
    { retryAfterMs: limits.journalReplayMs, metadata: { outcome: 'none' } },
  );

function rejectionOf(decision: Extract<ReturnType<typeof decideHolder>, { kind: 'rejected' }>): Rejection {
  switch (decision.reason) {
    case 'INTENT_NOT_FOUND':
      return new Rejection(
        'INTENT_NOT_FOUND',
        'there is no record of this key, or it has expired: nothing protects it',
      );
    case 'LEASE_LOST':
      return new Rejection('LEASE_LOST', 'another attempt holds or has settled this key; stop the work', {
        metadata: { state: decision.record.state, attempt: String(decision.record.attempt) },
      });
    case 'ALREADY_SETTLED':
      return new Rejection('ALREADY_SETTLED', 'this attempt was settled with other content before; the first stands', {
        metadata: { state: decision.record.state },
      });
  }
}
