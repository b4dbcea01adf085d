// AdminService: a person decides what became of an orphan.

import { create } from '@bufbuild/protobuf';
import {
  ResolveIntentResponseSchema,
  type ResolveIntentRequest,
  type ResolveIntentResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import {
  durationMs,
  isExpired,
  isLive,
  isOutcome,
  orphanOf,
  type EpochMs,
  type Found,
  type Key,
  type Namespace,
  type Settlement,
  type StoredRecord,
} from '../../storage/contract/index.ts';
import { announce } from '../calls/settle.ts';
import { settleDigest } from '../calls/settle-digest.ts';
import type { CallContext, Engine } from '../context.ts';
import { Rejection } from '../errors.ts';
import { limits } from '../limits.ts';
import { recordMessage } from '../messages.ts';
import type { Policy } from '../policy.ts';
import {
  readBytes,
  readDuration,
  readError,
  readKey,
  readLabels,
  readNamespace,
  readReason,
  readText,
  Violations,
} from '../validate.ts';

export async function resolveIntent(
  engine: Engine,
  request: ResolveIntentRequest,
  call: CallContext,
): Promise<ResolveIntentResponse> {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  const key = readKey(request.key, violations);
  const reason = readReason(request.reason, violations);
  if (reason === '') violations.add('reason', 'is required: it goes into the audit log');
  violations.check();
  const policy = engine.standingPolicyOf(namespace);
  const settlement = readResolution(request.resolution, policy, violations);
  violations.check();
  // A person decides on what is known, and this server may know more than the store.
  if (engine.outage.isKeeping()) await engine.outage.bringOver(engine, { namespace, key });
  const digest = settleDigest(settlement);
  const seen = await engine.store.read({ namespace, key, includeResult: false });
  const standing = standingAsAsked(seen, request, digest);
  if (standing !== undefined) return responseOf(standing, seen.nowMs);
  const before = resolvable(seen, request);
  const change = { action: 'ResolveIntent', target: key, namespace, reason, before: shown(before) };
  const { record, nowMs } = await engine.audit.around(call, change, async () => {
    const settled = await settleSeen(engine, { namespace, key, before, settlement, digest, policy });
    return { value: settled, after: shown(settled.record) };
  });
  return responseOf(record, nowMs);
}

const responseOf = (record: StoredRecord, nowMs: EpochMs): ResolveIntentResponse =>
  create(ResolveIntentResponseSchema, {
    record: recordMessage(record, nowMs, { withResult: false, withCheckpoint: true }),
  });

/**
 * The record when this decision stands already: its answer was lost, or somebody else came to the same. A release is told from
 * another's by the revision that follows the one that was seen.
 */
function standingAsAsked(
  { record, nowMs }: Found,
  { revision }: ResolveIntentRequest,
  digest: string,
): StoredRecord | undefined {
  if (record === undefined || isExpired(record, nowMs) || record.settleDigest !== digest) return undefined;
  const isNext = record.state === 'RELEASED' && BigInt(record.revision) === revision + 1n;
  return isOutcome(record) || isNext ? record : undefined;
}

function readResolution(
  resolution: ResolveIntentRequest['resolution'],
  policy: Policy,
  violations: Violations,
): Settlement {
  switch (resolution.case) {
    case 'completed': {
      const { result, contentType, contentEncoding, labels } = resolution.value;
      const bytesMax = limits.contentTypeBytesMax;
      return {
        kind: 'completed',
        result: readBytes({ field: 'completed.result', value: result, bytesMax: policy.resultBytesMax }, violations),
        contentType: readText({ field: 'completed.content_type', value: contentType, bytesMax }, violations),
        contentEncoding: readText(
          { field: 'completed.content_encoding', value: contentEncoding, bytesMax },
          violations,
        ),
        labels: readLabels('completed.labels', labels, violations),
        resultTtlMs: policy.resultTtlMs,
      };
    }
    case 'failed': {
      const error = readError(resolution.value.error, violations);
      if (error !== undefined) return { kind: 'failed', error };
      violations.add('failed.error', 'is required: it is the outcome');
      return { kind: 'unknown', error };
    }
    case 'released': {
      const delay = {
        field: 'released.retry_after',
        value: resolution.value.retryAfter,
        msMin: 0,
        msMax: limits.retryAfterMsMax,
      };
      return { kind: 'released', error: undefined, retryAfterMs: readDuration(delay, violations) ?? durationMs(0) };
    }
    case undefined:
      violations.add('resolution', 'is required: completed, failed or released');
      return { kind: 'unknown', error: undefined };
  }
}

/** The record if a person may decide on it now. */
function resolvable({ record, nowMs }: Found, request: ResolveIntentRequest): StoredRecord {
  if (record === undefined || isExpired(record, nowMs)) {
    throw new Rejection('INTENT_NOT_FOUND', 'there is no record of this key, or it has expired');
  }
  if (isOutcome(record)) {
    throw new Rejection('ALREADY_SETTLED', 'the outcome is final; nothing overwrites it', {
      metadata: { state: record.state },
    });
  }
  if (request.revision !== 0n && BigInt(record.revision) !== request.revision) throw changedMeanwhile(record.revision);
  if (isLive(record, nowMs) && !request.force) {
    throw new Rejection('EXPECTATION_FAILED', 'a holder has a live lease on this key; wait, or set force', {
      metadata: { expected: 'no live lease', found: 'live lease' },
    });
  }
  return record;
}

interface SeenSettle {
  readonly namespace: Namespace;
  readonly key: Key;
  readonly before: StoredRecord;
  readonly settlement: Settlement;
  readonly digest: string;
  readonly policy: Policy;
}

async function settleSeen(
  engine: Engine,
  { namespace, key, before, settlement, digest, policy }: SeenSettle,
): Promise<{ record: StoredRecord; nowMs: EpochMs }> {
  const { applied, record, nowMs } = await engine.store.settle({
    namespace,
    key,
    guard: { kind: 'revision', revision: before.revision },
    settlement,
    settleDigest: digest,
    ttlMs: undefined,
    graceMs: policy.lateRetryGraceMs,
  });
  if (!applied || record === undefined) throw changedMeanwhile(record?.revision);
  announce(engine, settlement, record, nowMs);
  if (orphanOf(before, nowMs) !== undefined) engine.metrics.reconciled(namespace, 'operator', settlement.kind);
  return { record, nowMs };
}

const changedMeanwhile = (found: number | undefined): Rejection =>
  new Rejection('EXPECTATION_FAILED', 'the record was changed meanwhile; look at it again', {
    metadata: { found: String(found ?? 'none') },
  });

/** What the audit keeps of a record: no payloads. */
const shown = ({ state, attempt, owner, revision }: StoredRecord): object => ({ state, attempt, owner, revision });
