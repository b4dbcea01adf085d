// Removing, compacting and counting against the records table, inside the batch's transaction.

import {
  durationMs,
  epochMs,
  type CompactRequest,
  type CompactResult,
  type EpochMs,
  type Namespace,
  type RemoveRequest,
  type StoreStats,
} from '../contract/index.ts';
import { COMPACT_CHUNK_ROWS } from './limits.ts';
import { findAt, type Table } from './records.ts';
import { stateOf } from './rows.ts';

export function runRemove(table: Table, request: RemoveRequest, nowMs: EpochMs): boolean {
  const place = table.places.placeOf(request);
  const found = findAt(table, place, request);
  if (found === undefined) return false;
  const { revision, force } = request;
  const { changes } = table.statements.remove.run(found.id, revision, nowMs, force ? 1 : 0, nowMs);
  if (changes === 0) return false;
  table.held.forget(request);
  table.recent.removed(place, found.id);
  table.tallies.moved(found.record, undefined);
  return true;
}

export function runCompact(table: Table, request: CompactRequest, nowMs: EpochMs): CompactResult {
  const except = JSON.stringify(request.exceptNamespaces ?? []);
  const untilMs = performance.now() + (request.msMax ?? Infinity);
  let [resultsDropped, recordsRemoved, isOver, isHeld] = [0, 0, false, false];
  while (!isOver) {
    const touched = resultsDropped + recordsRemoved;
    const limit = Math.min(COMPACT_CHUNK_ROWS, request.limit - touched);
    const due = table.statements.due.all({ now: nowMs, except, limit });
    for (const row of due as DueRow[]) {
      if (row[4] <= nowMs) recordsRemoved += purge(table, row, nowMs);
      else resultsDropped += dropResult(table, row, nowMs);
      isHeld ||= stateOf(row[2]) === 'IN_PROGRESS';
      isOver = performance.now() >= untilMs;
      if (isOver) break;
    }
    isOver ||= resultsDropped + recordsRemoved === touched;
  }
  // Which of them is not known: their keys were not read. What is settled is not held.
  if (isHeld) table.held.forgetAll();
  const oldest = table.statements.due.get({ now: nowMs, except, limit: 1 }) as DueRow | undefined;
  return {
    nowMs,
    resultsDropped,
    recordsRemoved,
    more: oldest !== undefined,
    lagMs: durationMs(oldest === undefined ? 0 : nowMs - oldest[3]),
  };
}

type DueRow = [
  id: number,
  namespace: Namespace,
  state: number,
  dueMs: number,
  purgeMs: number,
  resultBytes: number,
  resultDropped: number,
  checkpointBytes: number | null,
  hash: number,
];

function purge(table: Table, row: DueRow, nowMs: EpochMs): number {
  const [id, namespace, state, , , resultBytes, resultDropped, checkpointBytes, hash] = row;
  const { changes } = table.statements.purge.run(id, nowMs, nowMs, nowMs);
  const bytes = (resultDropped === 1 ? 0 : resultBytes) + (checkpointBytes ?? 0);
  if (changes === 0) return 0;
  table.recent.removed(hash, id);
  table.tallies.add(namespace, stateOf(state), { records: -1, bytes: -bytes });
  return changes;
}

function dropResult(table: Table, row: DueRow, nowMs: EpochMs): number {
  const [id, namespace, state, , , resultBytes] = row;
  const { changes } = table.statements.dropResult.run(id, nowMs);
  if (changes === 1) table.tallies.add(namespace, stateOf(state), { records: 0, bytes: -resultBytes });
  return changes;
}

/** `storeBytes` is added by who knows the file. */
export function runStats(table: Table, nowMs: EpochMs): Omit<StoreStats, 'storeBytes'> {
  const groups = table.statements.stats.all() as [Namespace, number, number, number][];
  const [orphans, oldest] = table.statements.orphans.get({ now: nowMs }) as [number, number | null];
  return {
    nowMs,
    groups: groups.map(([namespace, state, records, bytes]) => ({ namespace, state: stateOf(state), records, bytes })),
    orphans,
    oldestOrphanMs: oldest === null ? undefined : epochMs(oldest),
  };
}
