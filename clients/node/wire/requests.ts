// From plain values to request messages.

import { create } from '@bufbuild/protobuf';
import {
  BeginIntentRequestSchema,
  CheckpointRequestSchema,
  ClaimOrphansRequestSchema,
  CompleteRequestSchema,
  FailKind as WireFailKind,
  FailRequestSchema,
  IssueKeysRequestSchema,
  LookupRequestSchema,
  RenewRequestSchema,
  type BeginIntentRequest,
  type CheckpointRequest as WireCheckpointRequest,
  type ClaimOrphansRequest as WireClaimOrphansRequest,
  type CompleteRequest as WireCompleteRequest,
  type FailRequest as WireFailRequest,
  type IssueKeysRequest as WireIssueKeysRequest,
  type LookupRequest as WireLookupRequest,
  type RenewRequest as WireRenewRequest,
} from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentErrorSchema, type IntentError as WireIntentError } from '../../../proto/gen/onced/v1/record_pb.js';
import { bytes, count, duration, fingerprints, invalidField, labels, text } from './fields.ts';
import type {
  BeginRequest,
  CheckpointRequest,
  ClaimOrphansRequest,
  CompleteRequest,
  FailKind,
  FailRequest,
  IntentError,
  IssueKeysRequest,
  LeaseHold,
  LookupRequest,
  RenewRequest,
} from '../types.ts';

const place = ({ namespace, key }: { readonly namespace: string; readonly key: string }) => ({
  namespace: text('namespace', namespace),
  key: text('key', key),
});

const hold = (asked: LeaseHold) => ({ ...place(asked), leaseToken: bytes('leaseToken', asked.leaseToken) });

export function beginRequest(asked: BeginRequest, own: { attemptId: string; owner: string }): BeginIntentRequest {
  return create(BeginIntentRequestSchema, {
    ...place(asked),
    fingerprints: fingerprints(asked.fingerprints),
    attemptId: text('attemptId', own.attemptId),
    owner: text('owner', own.owner),
    lease: duration('leaseMs', asked.leaseMs),
    ttl: duration('ttlMs', asked.ttlMs),
    wait: duration('waitMs', asked.waitMs),
    labels: labels('labels', asked.labels),
  });
}

export function completeRequest(asked: CompleteRequest): WireCompleteRequest {
  return create(CompleteRequestSchema, {
    ...hold(asked),
    result: bytes('result', asked.result),
    contentType: text('contentType', asked.contentType ?? ''),
    contentEncoding: text('contentEncoding', asked.contentEncoding ?? ''),
    labels: labels('labels', asked.labels),
    ttl: duration('ttlMs', asked.ttlMs),
  });
}

const FAIL_KINDS: Readonly<Record<FailKind, WireFailKind>> = {
  retryable: WireFailKind.RETRYABLE,
  final: WireFailKind.FINAL,
  unknown: WireFailKind.UNKNOWN,
};

export function failRequest(asked: FailRequest): WireFailRequest {
  const kind = FAIL_KINDS[asked.kind];
  if (kind === undefined) throw invalidField('kind', `must be retryable, final or unknown, found ${asked.kind}`);
  return create(FailRequestSchema, {
    ...hold(asked),
    kind,
    error: asked.error === undefined ? undefined : intentError(asked.error),
    retryAfter: duration('retryAfterMs', asked.retryAfterMs),
    ttl: duration('ttlMs', asked.ttlMs),
  });
}

function intentError(error: IntentError): WireIntentError {
  return create(IntentErrorSchema, {
    code: text('error.code', error.code),
    message: text('error.message', error.message),
    detail: bytes('error.detail', error.detail ?? new Uint8Array()),
    contentType: text('error.contentType', error.contentType ?? ''),
  });
}

export function lookupRequest(asked: LookupRequest): WireLookupRequest {
  return create(LookupRequestSchema, { ...place(asked), includeResult: asked.includeResult ?? false });
}

export function renewRequest(asked: RenewRequest): WireRenewRequest {
  return create(RenewRequestSchema, { ...hold(asked), lease: duration('leaseMs', asked.leaseMs) });
}

export function checkpointRequest(asked: CheckpointRequest): WireCheckpointRequest {
  const lease = duration('leaseMs', asked.leaseMs);
  return create(CheckpointRequestSchema, { ...hold(asked), data: bytes('data', asked.data), lease });
}

export function issueKeysRequest(asked: IssueKeysRequest): WireIssueKeysRequest {
  return create(IssueKeysRequestSchema, {
    namespace: text('namespace', asked.namespace),
    count: count('count', asked.count),
    ttl: duration('ttlMs', asked.ttlMs),
  });
}

export function claimOrphansRequest(asked: ClaimOrphansRequest, owner: string): WireClaimOrphansRequest {
  return create(ClaimOrphansRequestSchema, {
    namespace: text('namespace', asked.namespace),
    limit: count('limit', asked.limit),
    lease: duration('leaseMs', asked.leaseMs),
    owner: text('owner', owner),
  });
}
