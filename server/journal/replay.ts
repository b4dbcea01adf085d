// One row of the journal into the store. May be stopped anywhere and begun again: each step first looks whether it was
// done, so that nothing is applied twice, and the row goes only after all of them. The first outcome of a key wins.

import {
  decideBegin,
  decideHolder,
  durationMs,
  isExpired,
  type ClaimRequest,
  type DurationMs,
  type Found,
  type Key,
  type Settlement,
  type StoredRecord,
  type Written,
} from '../../storage/contract/index.ts';
import type { Engine } from '../context.ts';
import { limits } from '../limits.ts';
import { pause } from '../pause.ts';
import type { Policy } from '../policy.ts';
import { comparable, fingerprintsIn, isJournalsFor } from '../calls/lease-token.ts';
import { announce } from '../calls/settle.ts';
import { listConflict, type ConflictCause } from './conflicts.ts';
import { heldKeyOf, TTL_AS_BEGUN, type Journal } from './journal.ts';
import { isYetToCome } from './yet-to-come.ts';

interface Replay {
  readonly engine: Engine;
  readonly row: StoredRecord;
  readonly key: Key;
  readonly policy: Policy;
}

/** Rejects with StoreError when the store is gone again; the row then stays. */
export async function replayRow(engine: Engine, journal: Journal, listed: StoredRecord): Promise<void> {
  for (let tries = 0; tries < limits.decisionsMax; tries += 1) {
    const row = await journal.find(listed);
    if (row === undefined) return;
    const heldKey = heldKeyOf(row);
    const replay: Replay = { engine, row, key: heldKey ?? row.key, policy: engine.standingPolicyOf(row.namespace) };
    const isDone = heldKey === undefined ? false : await applyAsHolder(replay);
    if (!isDone) await applyAsAttempt(replay);
    // The holder may have said more meanwhile: then the row stands at another revision and is looked at again. Or it did just
    // now, and the clock is not past that yet.
    if (await journal.remove(row)) return;
    await pause(1, undefined);
  }
}

/** What a holder from before the outage said, by its token. False when its record is gone, or is still to come. */
async function applyAsHolder(replay: Replay): Promise<boolean> {
  const { engine, row, policy } = replay;
  const guard = { kind: 'token', leaseToken: row.leaseToken } as const;
  const settlement = settlementOf(row, policy);
  const write = async (): Promise<Written> =>
    settlement === undefined ? saveCheckpointOnce(replay) : settle(replay, settlement, guard);
  for (let tries = 0; tries < limits.decisionsMax; tries += 1) {
    const { applied, record, nowMs } = await write();
    if (applied && record !== undefined) {
      if (settlement !== undefined) announce(engine, settlement, record, nowMs);
      return true;
    }
    const settleDigest = settlement === undefined ? undefined : row.settleDigest;
    const decision = decideHolder({ leaseToken: row.leaseToken, settleDigest }, record, nowMs);
    if (decision.kind === 'already-applied') return true;
    if (decision.kind === 'apply') continue;
    if (settlement === undefined) return true;
    // Or it began on another server's journal that is not written yet: what was said here takes its place, and is found there.
    const isFirst = isYetToCome({ ...row, onLeaseExpiry: policy.onLeaseExpiry }, record, nowMs);
    if (decision.reason === 'INTENT_NOT_FOUND' || (decision.reason === 'LEASE_LOST' && isFirst)) return false;
    if (!didNothing(row)) await conflict(replay, 'LEASE_LOST');
    return true;
  }
  return true;
}

/** A replay that was stopped behind this step does not write it again. */
async function saveCheckpointOnce(replay: Replay): Promise<Written> {
  const { engine, row, key } = replay;
  const { record, nowMs } = await engine.store.read({ namespace: row.namespace, key, includeResult: false });
  const isSaved = record?.leaseToken === row.leaseToken && hasCheckpointOf(record, row);
  return isSaved ? { applied: true, nowMs, record } : saveCheckpoint(replay);
}

const hasCheckpointOf = ({ checkpoint }: StoredRecord, row: StoredRecord): boolean =>
  row.checkpoint === undefined || (checkpoint !== undefined && Buffer.from(row.checkpoint).equals(checkpoint));

const saveCheckpoint = async ({ engine, row, key, policy }: Replay): Promise<Written> =>
  engine.store.extend({
    namespace: row.namespace,
    key,
    guard: { kind: 'token', leaseToken: row.leaseToken },
    leaseMs: undefined,
    holdMsMax: policy.holdMsMax,
    orphanTtlMs: undefined,
    graceMs: policy.lateRetryGraceMs,
    checkpoint: row.checkpoint,
  });

/** What an attempt that began here came to: it takes its place in the store, then its outcome follows. */
async function applyAsAttempt(replay: Replay): Promise<void> {
  const { engine, row, key, policy } = replay;
  let found: Found = await engine.store.read({ namespace: row.namespace, key, includeResult: false });
  for (let tries = 0; tries < limits.decisionsMax; tries += 1) {
    const { record: standing, nowMs } = found;
    if (standing?.leaseToken === row.leaseToken && !isExpired(standing, nowMs)) {
      const instead = await finish(replay, standing);
      if (instead === undefined) return undefined;
      found = instead;
      continue;
    }
    const attemptId = attemptOf(row, standing);
    const isSame = standing?.attemptId === attemptId;
    const fingerprints = comparable(row.fingerprints, standing?.fingerprints ?? []);
    const ask = { attemptId, fingerprints, onLeaseExpiry: policy.onLeaseExpiry, attemptsMax: undefined };
    const decision = decideBegin(ask, standing, nowMs);
    if (decision.kind === 'rejected' && decision.reason === 'KEY_REUSED') return conflict(replay, 'KEY_REUSED');
    switch (decision.kind) {
      case 'claim':
      case 'extend':
      case 'retry-later':
      case 'rejected': {
        // The same attempt, of which the store has another token: what was begun here is what its holder knows, unless only the
        // other one was ever used.
        if (isSame && isUntouched(row) && standing !== undefined && !isUntouched(standing)) return undefined;
        const expected = decision.kind === 'claim' ? decision.expected : (standing?.revision ?? 'absent');
        if (decision.kind === 'claim' && isTakeOver(standing)) await conflict(replay, 'OTHER_ATTEMPT');
        const joined = decision.kind === 'claim' ? decision.fingerprints : (standing?.fingerprints ?? []);
        found = await claim(replay, { expected, attemptId, fingerprints: joined });
        break;
      }
      case 'in-progress':
      case 'orphaned': {
        if (didNothing(row)) return undefined;
        if (!isSame) await conflict(replay, 'OTHER_ATTEMPT');
        const settlement = row.state === 'COMPLETED' || row.state === 'FAILED' ? settlementOf(row, policy) : undefined;
        if (settlement === undefined) return undefined;
        const written = await settle(replay, settlement, { kind: 'revision', revision: decision.record.revision });
        if (written.applied && written.record !== undefined) {
          return announce(engine, settlement, written.record, written.nowMs);
        }
        found = written;
        break;
      }
      case 'completed':
      case 'failed': {
        const isItsOwn = isSame && (row.state === 'IN_PROGRESS' || row.settleDigest === standing?.settleDigest);
        // Listing is idempotent: after a replay that settled the key and was stopped, this finds its own entry.
        if (!didNothing(row) && !isItsOwn) await conflict(replay, 'OTHER_OUTCOME');
        return undefined;
      }
      case 'exhaust':
        return undefined;
    }
  }
}

/**
 * The attempt stands in the store under its own token: its checkpoint and outcome follow. What stands there when somebody came
 * between.
 */
async function finish(replay: Replay, standing: StoredRecord): Promise<Found | undefined> {
  const { engine, row, policy } = replay;
  if (standing.state === 'IN_PROGRESS' && !hasCheckpointOf(standing, row)) await saveCheckpoint(replay);
  const settlement = settlementOf(row, policy);
  if (settlement === undefined) return undefined;
  const written = await settle(replay, settlement, { kind: 'token', leaseToken: row.leaseToken });
  const { applied, record, nowMs } = written;
  if (applied && record !== undefined) {
    announce(engine, settlement, record, nowMs);
    return undefined;
  }
  const decision = decideHolder(row, record, nowMs);
  if (decision.kind === 'already-applied') return undefined;
  if (decision.kind === 'apply' || decision.reason !== 'ALREADY_SETTLED') return written;
  if (!didNothing(row)) await conflict(replay, 'LEASE_LOST');
  return undefined;
}

/** The row of a holder names none; its token tells whether the store has the attempt. */
function attemptOf(row: StoredRecord, record: StoredRecord | undefined): string {
  const isHolders = heldKeyOf(row) !== undefined;
  return isHolders && record !== undefined && isJournalsFor(row.leaseToken, record.attemptId)
    ? record.attemptId
    : row.attemptId;
}

const claim = async (
  { engine, row, key, policy }: Replay,
  { expected, attemptId, fingerprints }: Pick<ClaimRequest, 'expected' | 'attemptId' | 'fingerprints'>,
) =>
  engine.store.claim({
    namespace: row.namespace,
    key,
    expected,
    fingerprints: fingerprints.length > 0 ? fingerprints : fingerprintsIn(row.leaseToken),
    labels: heldKeyOf(row) === undefined ? row.labels : {},
    attemptId,
    owner: row.owner,
    leaseToken: row.leaseToken,
    // What is left of the lease, on this server's clock: an attempt under way goes on, one that lapsed is an orphan at once. Nobody
    // is to take over one whose outcome follows.
    leaseMs: durationMs(
      Math.max(row.state === 'IN_PROGRESS' ? 1 : limits.journalSettleMs, row.leaseExpireMs - Date.now()),
    ),
    orphanTtlMs: policy.onLeaseExpiry === 'HOLD' ? policy.orphanTtlMs : (ttlOf(row) ?? policy.ttlMs),
    retention: { ttlMs: ttlOf(row) ?? policy.ttlMs, graceMs: policy.lateRetryGraceMs },
  });

const settle = async (
  { engine, row, key, policy }: Replay,
  settlement: Settlement,
  guard: Parameters<Engine['store']['settle']>[0]['guard'],
): Promise<Written> =>
  engine.store.settle({
    namespace: row.namespace,
    key,
    guard,
    settlement,
    settleDigest: row.settleDigest,
    ttlMs: settlement.kind === 'unknown' ? policy.orphanTtlMs : ttlOf(row),
    graceMs: policy.lateRetryGraceMs,
  });

/** Undefined for an attempt that is still under way. */
function settlementOf(row: StoredRecord, policy: Policy): Settlement | undefined {
  switch (row.state) {
    case 'IN_PROGRESS':
      return undefined;
    case 'COMPLETED':
      return {
        kind: 'completed',
        result: row.result ?? new Uint8Array(0),
        contentType: row.contentType,
        contentEncoding: row.contentEncoding,
        labels: row.outcomeLabels,
        resultTtlMs: policy.resultTtlMs,
      };
    case 'FAILED':
      if (row.error === undefined) throw new Error('a failed row without its error');
      return { kind: 'failed', error: row.error };
    case 'RELEASED':
      return {
        kind: 'released',
        error: row.error,
        retryAfterMs: durationMs(Math.max(0, row.retryMs - Date.now())),
      };
    case 'UNKNOWN':
      return { kind: 'unknown', error: row.error };
  }
}

const ttlOf = ({ ttlMs }: StoredRecord): DurationMs | undefined => (ttlMs === TTL_AS_BEGUN ? undefined : ttlMs);

/** Its holder said so, and no other began here before it: one that was taken over may have done its work. */
const didNothing = ({ state, attempt }: StoredRecord): boolean => state === 'RELEASED' && attempt === 1;

/** Nothing was written since it was begun: nobody may know its token. */
const isUntouched = ({ state, updateMs, holdStartMs }: StoredRecord): boolean =>
  state === 'IN_PROGRESS' && updateMs === holdStartMs;

/** A lapsed attempt of which nobody knows what it did, as opposed to a released one. */
const isTakeOver = (record: StoredRecord | undefined): boolean => record?.state === 'IN_PROGRESS';

async function conflict({ engine, row, key }: Replay, cause: ConflictCause): Promise<void> {
  const isNew = await listConflict(engine.store.registry, row, { key, cause });
  if (isNew) engine.metrics.suspectedDuplicate(row.namespace, 'degraded_conflict');
}
