// ClaimOrphans: a reconciler takes orphans as new attempts, with what the lost holders saved.

import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import {
  ClaimedOrphanSchema,
  ClaimOrphansResponseSchema,
  type ClaimedOrphan,
  type ClaimOrphansRequest,
  type ClaimOrphansResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import {
  isReview,
  orphanOf,
  REVIEW_ATTEMPT_PREFIX,
  type DurationMs,
  type EpochMs,
  type Namespace,
  type StoredRecord,
} from '../../storage/contract/index.ts';
import { assertNotOver, type CallContext, type Engine } from '../context.ts';
import { limits } from '../limits.ts';
import { acquiredMessage, recordMessage } from '../messages.ts';
import { recordPages } from '../record-pages.ts';
import { readDuration, readNamespace, readText, Violations } from '../validate.ts';
import { newLeaseToken } from './lease-token.ts';
import { CLAIMED_ATTEMPT_PREFIX } from './reconciler.ts';

const LIMIT = 10;
const LIMIT_MAX = 100;
/** Orphans looked at for each one that is taken, so that the oldest of them can go first. */
const LOOK_FACTOR = 10;

interface ClaimAsk {
  readonly leaseMs: DurationMs;
  readonly owner: string;
}

export async function claimOrphans(
  engine: Engine,
  request: ClaimOrphansRequest,
  call: CallContext,
): Promise<ClaimOrphansResponse> {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  if (request.limit > LIMIT_MAX) violations.add('limit', `must be 1 to ${LIMIT_MAX}, found ${request.limit}`);
  const owner = readText({ field: 'owner', value: request.owner, bytesMax: limits.ownerBytesMax }, violations);
  violations.check();
  const policy = engine.standingPolicyOf(namespace);
  const bounds = { field: 'lease', value: request.lease, msMin: limits.leaseMsMin, msMax: policy.leaseMsMax };
  const leaseMs = readDuration(bounds, violations) ?? policy.leaseMs;
  violations.check();
  assertNotOver(call);
  const limit = request.limit === 0 ? LIMIT : request.limit;
  const seen = await lookAtOrphans(engine, namespace, limit * LOOK_FACTOR);
  const oldestFirst = seen.toSorted((a, b) => sinceOf(a) - sinceOf(b)).slice(0, limit);
  const tries = await Promise.allSettled(
    oldestFirst.map(async (orphan) => claimOne(engine, orphan, { leaseMs, owner })),
  );
  const orphans = tries.flatMap((tried) => (tried.status === 'fulfilled' && tried.value ? [tried.value] : []));
  const failed = tries.find((tried) => tried.status === 'rejected');
  // What is taken is the caller's: kept from it, it would be held by nobody until its lease ends.
  if (orphans.length === 0 && failed !== undefined) throw failed.reason;
  return create(ClaimOrphansResponseSchema, { orphans });
}

/** An orphan, and the store's clock when it was one. */
interface Seen {
  readonly record: StoredRecord;
  readonly nowMs: EpochMs;
}

async function lookAtOrphans(engine: Engine, namespace: Namespace, count: number): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  for await (const { records, nowMs } of recordPages(
    engine.store,
    { namespace, orphanedOnly: true },
    { limit: count },
  )) {
    seen.push(...records.map((record) => ({ record, nowMs })));
    if (seen.length >= count) break;
  }
  return seen;
}

/** Undefined when somebody else was faster. */
async function claimOne(
  engine: Engine,
  { record, nowMs }: Seen,
  { leaseMs, owner }: ClaimAsk,
): Promise<ClaimedOrphan | undefined> {
  const { namespace, key, fingerprints, labels, ttlMs } = record;
  // What its holder said here during an outage comes first; the record then has changed.
  if (engine.outage.isKeeping()) await engine.outage.bringOver(engine, record);
  const policy = engine.standingPolicyOf(namespace);
  const written = await engine.store.claim({
    namespace,
    key,
    expected: record.revision,
    fingerprints,
    labels,
    attemptId: (isReview(record) ? REVIEW_ATTEMPT_PREFIX : CLAIMED_ATTEMPT_PREFIX) + randomUUID(),
    owner,
    leaseToken: newLeaseToken(),
    leaseMs,
    // An orphan that is claimed and let go again must wait as long as before, whatever the policy on lease expiry.
    orphanTtlMs: policy.orphanTtlMs,
    retention: { ttlMs, graceMs: policy.lateRetryGraceMs },
  });
  if (!written.applied || written.record === undefined) return undefined;
  engine.watchers.changed(record);
  return create(ClaimedOrphanSchema, {
    record: recordMessage(record, nowMs, { withResult: false, withCheckpoint: true }),
    acquired: acquiredMessage(written.record, written.nowMs),
  });
}

const sinceOf = ({ record, nowMs }: Seen): number => orphanOf(record, nowMs)?.sinceMs ?? nowMs;
