// Requests to operations and back: the main thread packs, the writer unpacks.

import {
  durationMs,
  type ClaimRequest,
  type ExtendRequest,
  type Guard,
  type Key,
  type LeaseToken,
  type Namespace,
  type ReadRequest,
  type SettleRequest,
  type Settlement,
} from '../contract/index.ts';
import {
  ABSENT,
  type ClaimOperation,
  type ExtendOperation,
  type ReadOperation,
  type SettleOperation,
} from './protocol.ts';
import {
  packBytes,
  packError,
  packFingerprints,
  packLabels,
  unpackBytes,
  unpackError,
  unpackLabels,
  UNREAD_FINGERPRINTS,
} from './text.ts';

export const packClaim = (request: ClaimRequest, nowMs: number): ClaimOperation => [
  'claim',
  nowMs,
  request.namespace,
  request.key,
  request.expected === 'absent' ? ABSENT : request.expected,
  packFingerprints(request.fingerprints),
  packLabels(request.labels),
  request.attemptId,
  request.owner,
  request.leaseToken,
  request.leaseMs,
  request.orphanTtlMs,
  request.retention.ttlMs,
  request.retention.graceMs,
];

export const unpackClaim = (operation: ClaimOperation): ClaimRequest => ({
  namespace: operation[2] as Namespace,
  key: operation[3] as Key,
  expected: operation[4] === ABSENT ? 'absent' : operation[4],
  fingerprints: UNREAD_FINGERPRINTS,
  labels: unpackLabels(operation[6]),
  attemptId: operation[7],
  owner: operation[8],
  leaseToken: operation[9] as LeaseToken,
  leaseMs: durationMs(operation[10]),
  orphanTtlMs: durationMs(operation[11]),
  retention: { ttlMs: durationMs(operation[12]), graceMs: durationMs(operation[13]) },
});

export const packExtend = (request: ExtendRequest, nowMs: number, knownRevision = ABSENT): ExtendOperation => [
  'extend',
  nowMs,
  request.namespace,
  request.key,
  packGuard(request.guard),
  request.leaseMs ?? ABSENT,
  request.holdMsMax,
  request.orphanTtlMs ?? ABSENT,
  request.graceMs,
  request.checkpoint === undefined ? null : packBytes(request.checkpoint),
  knownRevision,
];

export const unpackExtend = (operation: ExtendOperation): ExtendRequest => ({
  namespace: operation[2] as Namespace,
  key: operation[3] as Key,
  guard: unpackGuard(operation[4]),
  leaseMs: operation[5] === ABSENT ? undefined : durationMs(operation[5]),
  holdMsMax: durationMs(operation[6]),
  orphanTtlMs: operation[7] === ABSENT ? undefined : durationMs(operation[7]),
  graceMs: durationMs(operation[8]),
  checkpoint: operation[9] === null ? undefined : unpackBytes(operation[9]),
});

export function packSettle(request: SettleRequest, nowMs: number, knownRevision = ABSENT): SettleOperation {
  const { settlement } = request;
  const isCompleted = settlement.kind === 'completed';
  return [
    'settle',
    nowMs,
    request.namespace,
    request.key,
    packGuard(request.guard),
    request.settleDigest,
    request.ttlMs ?? ABSENT,
    request.graceMs,
    settlement.kind,
    isCompleted ? packBytes(settlement.result) : packError(settlement.error),
    settledDuration(settlement),
    isCompleted ? settlement.contentType : '',
    isCompleted ? settlement.contentEncoding : '',
    isCompleted ? packLabels(settlement.labels) : '',
    knownRevision,
  ];
}

function settledDuration(settlement: Settlement): number {
  if (settlement.kind === 'completed') return settlement.resultTtlMs;
  return settlement.kind === 'released' ? settlement.retryAfterMs : 0;
}

export const unpackSettle = (operation: SettleOperation): SettleRequest => ({
  namespace: operation[2] as Namespace,
  key: operation[3] as Key,
  guard: unpackGuard(operation[4]),
  settleDigest: operation[5],
  ttlMs: operation[6] === ABSENT ? undefined : durationMs(operation[6]),
  graceMs: durationMs(operation[7]),
  settlement: unpackSettlement(operation),
});

function unpackSettlement(operation: SettleOperation): Settlement {
  const content = operation[9];
  const duration = durationMs(operation[10]);
  switch (operation[8]) {
    case 'completed':
      return {
        kind: 'completed',
        result: unpackBytes(content ?? ''),
        resultTtlMs: duration,
        contentType: operation[11],
        contentEncoding: operation[12],
        labels: unpackLabels(operation[13]),
      };
    case 'failed': {
      const error = unpackError(content);
      if (error === undefined) throw new Error('a final failure without an error reached the writer');
      return { kind: 'failed', error };
    }
    case 'released':
      return { kind: 'released', error: unpackError(content), retryAfterMs: duration };
    case 'unknown':
      return { kind: 'unknown', error: unpackError(content) };
  }
}

export const packRead = (request: ReadRequest, nowMs: number): ReadOperation => [
  'read',
  nowMs,
  request.namespace,
  request.key,
  request.includeResult,
];

// A lease token is text and a revision a number, so the guard needs no tag.
const packGuard = (guard: Guard): string | number => (guard.kind === 'token' ? guard.leaseToken : guard.revision);

const unpackGuard = (guard: string | number): Guard =>
  typeof guard === 'string'
    ? { kind: 'token', leaseToken: guard as LeaseToken }
    : { kind: 'revision', revision: guard };
