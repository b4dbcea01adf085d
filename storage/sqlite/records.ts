// The four verbs of the hot path against the records table. Everything here runs inside the batch's transaction: what
// was found still stands when it is written.

import {
  applyClaim,
  applyExtend,
  applySettle,
  type EpochMs,
  type RecordId,
  type StoredRecord,
} from '../contract/index.ts';
import type { Places } from './hash.ts';
import { unpackClaim, unpackExtend, unpackSettle } from './pack.ts';
import type { Cell, ClaimOperation, ExtendOperation, ReadOperation, RecordReply, SettleOperation } from './protocol.ts';
import { dueMs, originCode, packRow, rowId, stateCode, unpackRow } from './rows.ts';
import type { Recent } from './recent.ts';
import type { Statements } from './statements.ts';
import type { Tallies } from './tallies.ts';
import { packError, packFingerprints, packLabels } from './text.ts';

export interface Table {
  readonly statements: Statements;
  readonly tallies: Tallies;
  readonly places: Places;
  readonly recent: Recent;
}

export function findRow(table: Table, id: RecordId, hash = table.places.placeOf(id)): readonly Cell[] | undefined {
  const { statements, recent } = table;
  return findAmong(table, recent.idsAt(hash), id) ?? findAmong(table, statements.idsAt.all(hash), id);
}

function findAmong({ statements }: Table, ids: readonly number[], { namespace, key }: RecordId) {
  for (const id of ids) {
    const row = statements.find.get(id, namespace, key);
    if (row !== undefined) return packRow(row as (Cell | Buffer)[]);
  }
  return undefined;
}

export function runClaim(table: Table, operation: ClaimOperation, nowMs: EpochMs): RecordReply {
  const request = unpackClaim(operation);
  const hash = table.places.placeOf(request);
  const row = findRow(table, request, hash);
  const before = row === undefined ? undefined : unpackRow(row);
  const after = applyClaim(request, before, nowMs);
  if (after === undefined) return refused(table, row, nowMs);
  const values = [
    hash,
    after.namespace,
    after.key,
    after.revision,
    packFingerprints(after.fingerprints),
    packLabels(after.labels),
    after.attempt,
    after.attemptId,
    originCode(after.attemptOrigin),
    after.owner,
    after.leaseToken,
    after.fencingToken,
    after.leaseExpireMs,
    after.holdStartMs,
    packError(after.error),
    after.createMs,
    after.updateMs,
    after.ttlMs,
    after.expireMs,
    after.purgeMs,
    dueMs(after),
    after.checkpoint ?? null,
  ];
  if (row === undefined) insert(table, hash, values);
  else table.statements.claim.run(rowId(row), ...values);
  table.tallies.moved(before, after);
  return ['record', nowMs, true, row ?? null, null];
}

function insert({ statements, recent }: Table, hash: number, values: readonly unknown[]): void {
  const id = recent.nextId();
  statements.claimNew.run(id, ...values);
  recent.added(hash, id);
}

export function runExtend(table: Table, operation: ExtendOperation, nowMs: EpochMs): RecordReply {
  const request = unpackExtend(operation);
  const row = findRow(table, request);
  const before = row === undefined ? undefined : unpackRow(row);
  const after = applyExtend(request, before, nowMs);
  if (row === undefined || after === undefined) return refused(table, row, nowMs);
  const id = rowId(row);
  const { revision, leaseExpireMs, updateMs, expireMs, purgeMs } = after;
  table.statements.extend.run(revision, leaseExpireMs, updateMs, expireMs, purgeMs, dueMs(after), id);
  if (request.checkpoint !== undefined) table.statements.checkpoint.run(request.checkpoint, id);
  table.tallies.moved(before, after);
  return ['record', nowMs, true, row, null];
}

export function runSettle(table: Table, operation: SettleOperation, nowMs: EpochMs): RecordReply {
  const request = unpackSettle(operation);
  const row = findRow(table, request);
  const before = row === undefined ? undefined : unpackRow(row);
  const after = applySettle(request, before, nowMs);
  if (row === undefined || after === undefined) return refused(table, row, nowMs);
  writeSettled(table, after, rowId(row));
  table.tallies.moved(before, after);
  return ['record', nowMs, true, row, null];
}

function writeSettled(table: Table, after: StoredRecord, id: number): void {
  table.statements.settle.run(
    stateCode(after.state),
    after.revision,
    packError(after.error),
    after.retryMs,
    after.resultBytes,
    after.contentType,
    after.contentEncoding,
    packLabels(after.outcomeLabels),
    after.settleDigest,
    after.updateMs,
    after.settleMs,
    after.ttlMs,
    after.expireMs,
    after.resultExpireMs,
    after.purgeMs,
    dueMs(after),
    after.checkpoint ?? null,
    after.result ?? null,
    id,
  );
}

export function runRead(table: Table, operation: ReadOperation, nowMs: EpochMs): RecordReply {
  const row = findRow(table, { namespace: operation[2], key: operation[3] } as RecordId);
  const result = row !== undefined && operation[4] ? resultOf(table, row) : null;
  return ['record', nowMs, false, row ?? null, result];
}

/** Whoever lost needs what stands, with the result to replay. */
const refused = (table: Table, row: readonly Cell[] | undefined, nowMs: EpochMs): RecordReply =>
  row === undefined ? ['record', nowMs, false, null, null] : ['record', nowMs, false, row, resultOf(table, row)];

function resultOf(table: Table, row: readonly Cell[]): string | null {
  const result = table.statements.result.get(rowId(row))?.[0];
  return Buffer.isBuffer(result) ? result.toString('latin1') : null;
}
