// The four verbs of the hot path against the records table. Everything here runs inside the batch's transaction: what
// was found still stands when it is written.

import type { RunResult } from 'better-sqlite3';
import {
  applyClaim,
  applyExtend,
  applySettle,
  type EpochMs,
  type RecordId,
  type StoredRecord,
} from '../contract/index.ts';
import type { Places } from './hash.ts';
import type { Held, HeldRecords } from './held.ts';
import { unpackClaim, unpackExtend, unpackSettle } from './pack.ts';
import type { PlaceFilter } from './place-filter.ts';
import {
  type Cell,
  type ClaimOperation,
  type ExtendOperation,
  type HotReply,
  type ReadOperation,
  type SettleOperation,
} from './protocol.ts';
import { dueMs, originCode, packRow, rowFingerprints, rowId, rowOf, stateCode, unpackRow } from './rows.ts';
import type { Recent } from './recent.ts';
import type { Statements } from './statements.ts';
import type { Tallies } from './tallies.ts';
import { packError, packLabels, UNREAD_FINGERPRINTS } from './text.ts';

export interface Table {
  readonly statements: Statements;
  readonly tallies: Tallies;
  readonly places: Places;
  readonly filter: PlaceFilter;
  readonly recent: Recent;
  readonly held: HeldRecords<Found>;
}

/** A record and the row that it stands in. */
export interface Found extends Held {
  readonly id: number;
  /** As they are written: those of the record are not read. */
  readonly fingerprints: string;
  /** Undefined when it was not read now. */
  readonly row?: readonly Cell[];
}

/** `place`: where it was looked for; undefined when it was at hand. */
type Sought =
  { readonly found: Found; readonly place: number | undefined } | { readonly found: undefined; readonly place: number };

function seek(table: Table, id: RecordId): Sought {
  const found = table.held.find(id);
  if (found !== undefined) return { found, place: undefined };
  const place = table.places.placeOf(id);
  return { found: findAt(table, place, id), place };
}

export function findAt(table: Table, place: number, id: RecordId): Found | undefined {
  const { filter, recent, statements } = table;
  const found = findAmong(table, recent.idsAt(place), id);
  if (found !== undefined || !filter.mayHave(place)) return found;
  return findAmong(table, statements.idsAt.all(place), id);
}

function findAmong({ statements }: Table, ids: readonly number[], { namespace, key }: RecordId): Found | undefined {
  for (const id of ids) {
    const found = statements.find.get(id, namespace, key);
    if (found === undefined) continue;
    const row = packRow(found as (Cell | Buffer)[]);
    const record = unpackRow(row, UNREAD_FINGERPRINTS);
    return { id: rowId(row), record, fingerprints: rowFingerprints(row), row };
  }
  return undefined;
}

export function runClaim(table: Table, operation: ClaimOperation, nowMs: EpochMs): HotReply {
  const request = unpackClaim(operation);
  const { found, place } = seek(table, request);
  const after = applyClaim(request, found?.record, nowMs);
  if (after === undefined) return refused(table, found, nowMs);
  const id = found?.id ?? table.recent.nextId();
  if (found === undefined) writeNew(table, { id, place, after, operation });
  else expectOne(writeClaimed(table, { id, after, operation }));
  table.held.keep({ id, record: after, fingerprints: operation[5] });
  table.tallies.moved(found?.record, after);
  return found === undefined ? nowMs : ['record', nowMs, true, rowFound(found), null];
}

interface Claimed {
  readonly id: number;
  readonly after: StoredRecord;
  /** Its texts are stored as they came. */
  readonly operation: ClaimOperation;
}

function writeNew(table: Table, { id, place, after, operation }: Claimed & { readonly place: number }): void {
  table.statements.claimNew.run(
    id,
    place,
    after.namespace,
    after.key,
    after.revision,
    operation[5],
    operation[6],
    after.attemptId,
    after.owner,
    after.leaseToken,
    after.fencingToken,
    after.leaseExpireMs,
    after.holdStartMs,
    after.createMs,
    after.updateMs,
    after.ttlMs,
    after.expireMs,
    after.purgeMs,
    dueMs(after),
  );
  table.recent.added(place, id);
}

const writeClaimed = (table: Table, { id, after, operation }: Claimed): RunResult =>
  table.statements.claim.run(
    after.revision,
    operation[5],
    operation[6],
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
    id,
  );

export function runExtend(table: Table, operation: ExtendOperation, nowMs: EpochMs): HotReply {
  const request = unpackExtend(operation);
  const { found } = seek(table, request);
  const after = applyExtend(request, found?.record, nowMs);
  if (found === undefined || after === undefined) return refused(table, found, nowMs);
  const { id, fingerprints } = found;
  const { revision, leaseExpireMs, updateMs, expireMs, purgeMs } = after;
  expectOne(table.statements.extend.run(revision, leaseExpireMs, updateMs, expireMs, purgeMs, dueMs(after), id));
  if (request.checkpoint !== undefined) table.statements.checkpoint.run(request.checkpoint, id);
  table.held.keep({ id, record: after, fingerprints });
  table.tallies.moved(found.record, after);
  return applied(found, operation[10], nowMs);
}

export function runSettle(table: Table, operation: SettleOperation, nowMs: EpochMs): HotReply {
  const request = unpackSettle(operation);
  const { found } = seek(table, request);
  const after = applySettle(request, found?.record, nowMs);
  if (found === undefined || after === undefined) return refused(table, found, nowMs);
  expectOne(writeSettled(table, found.id, after));
  table.held.forget(after);
  table.tallies.moved(found.record, after);
  return applied(found, operation[14], nowMs);
}

const rowFound = ({ id, record, fingerprints, row }: Found): readonly Cell[] => row ?? rowOf(id, record, fingerprints);

const applied = (found: Found, knownRevision: number, nowMs: EpochMs): HotReply =>
  found.record.revision === knownRevision ? nowMs : ['record', nowMs, true, rowFound(found), null];

/** A record that was at hand but has no row any more would be lost without a sound. */
function expectOne({ changes }: { readonly changes: number }): void {
  if (changes !== 1) throw new Error(`${changes} rows were written in place of one`);
}

function writeSettled(table: Table, id: number, after: StoredRecord): RunResult {
  if (after.state === 'COMPLETED') return writeCompleted(table, id, after);
  return table.statements.settle.run(
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

const writeCompleted = (table: Table, id: number, after: StoredRecord): RunResult =>
  table.statements.complete.run(
    after.revision,
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
    after.result ?? null,
    id,
  );

export function runRead(table: Table, operation: ReadOperation, nowMs: EpochMs): HotReply {
  const { found } = seek(table, { namespace: operation[2], key: operation[3] } as RecordId);
  if (found === undefined) return ['record', nowMs, false, null, null];
  return ['record', nowMs, false, rowFound(found), operation[4] ? resultOf(table, found) : null];
}

/** Whoever lost needs what stands, with the result to replay. */
const refused = (table: Table, found: Found | undefined, nowMs: EpochMs): HotReply =>
  found === undefined
    ? ['record', nowMs, false, null, null]
    : ['record', nowMs, false, rowFound(found), resultOf(table, found)];

function resultOf(table: Table, { id, record }: Found): string | null {
  if (record.state !== 'COMPLETED') return null;
  const result = table.statements.result.get(id)?.[0];
  return Buffer.isBuffer(result) ? result.toString('latin1') : null;
}
