// Listing: an index names candidates in a stable order, a filter picks among them. Each call looks at a bounded number of
// candidates, so that a filter that matches little never holds up the writer; a page may be short and still have a next.

import type { EpochMs, ListRequest } from '../contract/index.ts';
import { LIST_NAMESPACE_SHARE_MAX, LIST_SCAN_ROWS_MAX } from './limits.ts';
import type { Cell } from './protocol.ts';
import type { Table } from './records.ts';
import { packRow, rowId, stateCode } from './rows.ts';
import type { Candidate } from './statements.ts';

export interface ListSlice {
  readonly nowMs: EpochMs;
  readonly rows: readonly (readonly Cell[])[];
  readonly next: string | undefined;
}

/** By which index, and after which entry of it. What orders it never changes while a record is not written. */
interface Cursor {
  readonly by: 'rows' | 'namespace' | 'orphans' | 'unknown';
  readonly place: number;
  readonly id: number;
}

export const LIST_CURSOR = /^(?:rows|namespace|orphans|unknown)\.\d{1,15}\.\d{1,15}$/;

export function runList(table: Table, request: ListRequest, nowMs: EpochMs): ListSlice {
  const cursor = request.after === undefined ? firstCursor(table, request) : parseCursor(request.after);
  const candidates = candidatesAfter(table, cursor, request, nowMs);
  const rows = matching(table, candidates, request, nowMs);
  const last = rows.length === request.limit ? rows.at(-1) : undefined;
  const seen = last === undefined ? candidates.at(-1) : candidates.find(([, id]) => id === rowId(last));
  const isMore = seen !== undefined && (seen !== candidates.at(-1) || candidates.length === LIST_SCAN_ROWS_MAX);
  if (isMore) return { nowMs, rows, next: `${cursor.by}.${seen[0]}.${seen[1]}` };
  return { nowMs, rows, next: cursor.by === 'orphans' ? 'unknown.0.0' : undefined };
}

function parseCursor(text: string): Cursor {
  const [by = '', place, id] = text.split('.');
  return { by: by as Cursor['by'], place: Number(place), id: Number(id) };
}

/**
 * A namespace with a small share of the records is read from the index of places. A large one is read in the order of
 * rows: one pass over the file, where the index would jump through it.
 */
function firstCursor(table: Table, { namespace, orphanedOnly }: ListRequest): Cursor {
  if (orphanedOnly === true) return { by: 'orphans', place: 0, id: 0 };
  const [own, all] = namespace === undefined ? [1, 1] : (table.statements.share.get(namespace) as [number, number]);
  return { by: own < all * LIST_NAMESPACE_SHARE_MAX ? 'namespace' : 'rows', place: 0, id: 0 };
}

function candidatesAfter(table: Table, cursor: Cursor, request: ListRequest, nowMs: EpochMs): readonly Candidate[] {
  const { statements, places, recent } = table;
  const { place, id } = cursor;
  const after = { place, id, limit: LIST_SCAN_ROWS_MAX };
  switch (cursor.by) {
    case 'rows':
      return statements.listRows.all({ id, limit: after.limit });
    case 'namespace': {
      const range = request.namespace === undefined ? { from: 0, until: 0 } : places.rangeOf(request.namespace);
      const written = statements.listNamespace.all({ ...after, ...range });
      return merged(written, recent.between(range.from, range.until), after);
    }
    case 'orphans':
      return statements.listOrphans.all({ ...after, now: nowMs });
    case 'unknown':
      return statements.listUnknown.all(after);
  }
}

/** The next candidates of both in the order of places. A place may stand in both while it is being written. */
function merged(
  written: readonly Candidate[],
  recent: readonly Candidate[],
  { place, id, limit }: { readonly place: number; readonly id: number; readonly limit: number },
): readonly Candidate[] {
  const byPlace = ([hashA, idA]: Candidate, [hashB, idB]: Candidate): number => hashA - hashB || idA - idB;
  const after = recent.filter((candidate) => byPlace(candidate, [place, id]) > 0);
  if (after.length === 0) return written;
  return [...written, ...after]
    .toSorted(byPlace)
    .filter((candidate, index, all) => candidate[1] !== all[index - 1]?.[1])
    .slice(0, limit);
}

function matching(table: Table, candidates: readonly Candidate[], request: ListRequest, nowMs: EpochMs) {
  const found = table.statements.list.all({
    ids: JSON.stringify(candidates.map(([, id]) => id)),
    now: nowMs,
    limit: request.limit,
    includeExpired: request.includeExpired === true ? 1 : 0,
    namespace: request.namespace ?? null,
    states: request.states === undefined ? null : JSON.stringify(request.states.map(stateCode)),
    orphanedOnly: request.orphanedOnly === true ? 1 : 0,
    keyPrefix: request.keyPrefix ?? null,
    owner: request.owner ?? null,
    updatedUntil: request.ageMsMin === undefined ? null : nowMs - request.ageMsMin,
  });
  return found.map((row) => packRow(row as (Cell | Buffer)[]));
}
