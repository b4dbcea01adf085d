// What a BeginIntent asks, validated and with the namespace's policy filled in.

import type { BeginIntentRequest } from '../../proto/gen/onced/v1/idempotency_pb.js';
import {
  durationMs,
  type BeginAsk as DecideAsk,
  type DurationMs,
  type Key,
  type Labels,
  type Namespace,
} from '../../storage/contract/index.ts';
import type { Engine } from '../context.ts';
import { limits } from '../limits.ts';
import type { Policy } from '../policy.ts';
import {
  readAttemptId,
  readDuration,
  readFingerprints,
  readKey,
  readLabels,
  readNamespace,
  readText,
  Violations,
} from '../validate.ts';

export interface BeginAsk extends DecideAsk {
  readonly namespace: Namespace;
  readonly key: Key;
  readonly owner: string;
  readonly leaseMs: DurationMs;
  readonly ttlMs: DurationMs;
  readonly labels: Labels;
  readonly policy: Policy;
}

export function readBegin(engine: Engine, request: BeginIntentRequest): { ask: BeginAsk; waitMs: DurationMs } {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  const key = readKey(request.key, violations);
  violations.check();
  const policy = engine.policyOf(namespace);
  const times = readTimes(request, policy, violations);
  const fingerprints = readFingerprints(request.fingerprints, violations);
  if (policy.requireFingerprint && fingerprints.length === 0) {
    violations.add('fingerprints', 'is required in this namespace');
  }
  const ask: BeginAsk = {
    namespace,
    key,
    fingerprints,
    attemptId: readAttemptId(request.attemptId, violations),
    owner: readText({ field: 'owner', value: request.owner, bytesMax: limits.ownerBytesMax }, violations),
    labels: readLabels('labels', request.labels, violations),
    leaseMs: times.leaseMs,
    ttlMs: times.ttlMs,
    onLeaseExpiry: policy.onLeaseExpiry,
    attemptsMax: policy.attemptsMax,
    policy,
  };
  violations.check();
  return { ask, waitMs: times.waitMs };
}

function readTimes(
  request: BeginIntentRequest,
  policy: Policy,
  violations: Violations,
): { leaseMs: DurationMs; ttlMs: DurationMs; waitMs: DurationMs } {
  const { lease, ttl, wait } = request;
  const leaseBounds = { field: 'lease', value: lease, msMin: limits.leaseMsMin, msMax: policy.leaseMsMax };
  const ttlBounds = { field: 'ttl', value: ttl, msMin: policy.ttlMsMin, msMax: policy.ttlMsMax };
  const waitBounds = { field: 'wait', value: wait, msMin: 0, msMax: policy.waitMsMax };
  return {
    leaseMs: readDuration(leaseBounds, violations) ?? policy.leaseMs,
    ttlMs: readDuration(ttlBounds, violations) ?? policy.ttlMs,
    waitMs: readDuration(waitBounds, violations) ?? durationMs(0),
  };
}
