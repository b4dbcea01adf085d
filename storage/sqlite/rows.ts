// A row of the records table and the StoredRecord that it means. The order of COLUMNS is the order in which find.sql
// and list.sql name them; the engine asserts that when it prepares them.

import {
  durationMs,
  epochMs,
  STORED_STATES,
  type AttemptOrigin,
  type Fingerprint,
  type Key,
  type LeaseToken,
  type Namespace,
  type StoredRecord,
  type StoredState,
} from '../contract/index.ts';
import type { Cell } from './protocol.ts';
import {
  packBytes,
  packError,
  packLabels,
  unpackBytes,
  unpackError,
  unpackFingerprints,
  unpackLabels,
} from './text.ts';

export const COLUMNS = [
  'id',
  'namespace',
  'key',
  'state',
  'revision',
  'fingerprints',
  'labels',
  'attempt',
  'attempt_id',
  'owner',
  'lease_token',
  'fencing_token',
  'lease_expire_ms',
  'hold_start_ms',
  'error',
  'retry_ms',
  'result_bytes',
  'result_dropped',
  'content_type',
  'content_encoding',
  'outcome_labels',
  'settle_digest',
  'create_ms',
  'update_ms',
  'settle_ms',
  'ttl_ms',
  'expire_ms',
  'result_expire_ms',
  'purge_ms',
  'attempt_origin',
  'checkpoint',
] as const;

const CHECKPOINT = COLUMNS.indexOf('checkpoint');

/** A row as the driver hands it out, bytes turned into text in place so that it can travel. */
export function packRow(row: (Cell | Buffer)[]): readonly Cell[] {
  const checkpoint = row[CHECKPOINT];
  if (Buffer.isBuffer(checkpoint)) row[CHECKPOINT] = checkpoint.toString('latin1');
  return row as Cell[];
}

export const rowId = (row: readonly Cell[]): number => row[0] as number;

export const stateCode = (state: StoredState): number => STORED_STATES.indexOf(state);

export function stateOf(code: number): StoredState {
  const state = STORED_STATES[code];
  if (state === undefined) throw new Error(`a record carries the state ${code}, which this version does not know`);
  return state;
}

/** How origins are numbered in the database. Only ever append. */
const ATTEMPT_ORIGINS: readonly AttemptOrigin[] = ['FRESH', 'LATE_RETRY', 'RELEASED', 'TAKEN_OVER'];

export const originCode = (origin: AttemptOrigin): number => ATTEMPT_ORIGINS.indexOf(origin);

function originOf(code: number): AttemptOrigin {
  const origin = ATTEMPT_ORIGINS[code];
  if (origin === undefined) throw new Error(`a record carries the origin ${code}, which this version does not know`);
  return origin;
}

/** How its fingerprints are written there. */
export const rowFingerprints = (row: readonly Cell[]): string => row[5] as string;

/** The record without its result bytes. */
export function unpackRow(
  row: readonly Cell[],
  fingerprints: readonly Fingerprint[] = unpackFingerprints(rowFingerprints(row)),
): StoredRecord {
  const checkpoint = row[30] as string | null;
  return {
    namespace: row[1] as Namespace,
    key: row[2] as Key,
    state: stateOf(row[3] as number),
    revision: row[4] as number,
    fingerprints,
    labels: unpackLabels(row[6] as string),
    attempt: row[7] as number,
    attemptId: row[8] as string,
    attemptOrigin: originOf(row[29] as number),
    owner: row[9] as string,
    leaseToken: row[10] as LeaseToken,
    fencingToken: row[11] as number,
    leaseExpireMs: epochMs(row[12] as number),
    holdStartMs: epochMs(row[13] as number),
    error: unpackError(row[14] as string | null),
    retryMs: epochMs(row[15] as number),
    result: undefined,
    resultBytes: row[16] as number,
    resultDropped: row[17] === 1,
    contentType: row[18] as string,
    contentEncoding: row[19] as string,
    outcomeLabels: unpackLabels(row[20] as string),
    settleDigest: row[21] as string,
    createMs: epochMs(row[22] as number),
    updateMs: epochMs(row[23] as number),
    settleMs: epochMs(row[24] as number),
    ttlMs: durationMs(row[25] as number),
    expireMs: epochMs(row[26] as number),
    resultExpireMs: epochMs(row[27] as number),
    purgeMs: epochMs(row[28] as number),
    checkpoint: checkpoint === null ? undefined : unpackBytes(checkpoint),
  };
}

/** The row of a record that was not read from one; its fingerprints as they are written. */
export const rowOf = (id: number, record: StoredRecord, fingerprints: string): readonly Cell[] => [
  id,
  record.namespace,
  record.key,
  stateCode(record.state),
  record.revision,
  fingerprints,
  packLabels(record.labels),
  record.attempt,
  record.attemptId,
  record.owner,
  record.leaseToken,
  record.fencingToken,
  record.leaseExpireMs,
  record.holdStartMs,
  packError(record.error),
  record.retryMs,
  record.resultBytes,
  record.resultDropped ? 1 : 0,
  record.contentType,
  record.contentEncoding,
  packLabels(record.outcomeLabels),
  record.settleDigest,
  record.createMs,
  record.updateMs,
  record.settleMs,
  record.ttlMs,
  record.expireMs,
  record.resultExpireMs,
  record.purgeMs,
  originCode(record.attemptOrigin),
  record.checkpoint === undefined ? null : packBytes(record.checkpoint),
];

/** When compaction next has work with a record. */
export const dueMs = (record: StoredRecord): number =>
  record.resultExpireMs === 0 ? record.purgeMs : Math.min(record.purgeMs, record.resultExpireMs);

/** The bytes that stats counts for a record. */
export const payloadBytes = (record: StoredRecord): number =>
  (record.resultDropped ? 0 : record.resultBytes) + (record.checkpoint?.length ?? 0);
