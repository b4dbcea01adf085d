// Listing: an index names candidates in a stable order, a filter picks among them. Each call looks for a bounded
// time, so that a filter that matches little never holds up the writer; a page may be short and still have a next.

import type { EpochMs, ListRequest } from '../contract/index.ts';
import { LIST_CHUNK_ROWS, LIST_NAMESPACE_SHARE_MAX, LIST_STEP_MS } from './limits.ts';
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
  let cursor = request.after === undefined ? firstCursor(table, request) : parseCursor(request.after);
  const candidatesAfter = candidatesBy(table, cursor.by, request, nowMs);
  const rows: (readonly Cell[])[] = [];
  const startMs = performance.now();
  do {
    const candidates = candidatesAfter(cursor);
    rows.push(...matching(table, candidates, { ...request, limit: request.limit - rows.length }, nowMs));
    const last = rows.length === request.limit ? rows.at(-1) : undefined;
    const seen = last === undefined ? candidates.at(-1) : candidates.find(([, id]) => id === rowId(last));
    const isMore = seen !== undefined && (seen !== candidates.at(-1) || candidates.length === LIST_CHUNK_ROWS);
    if (!isMore) return { nowMs, rows, next: cursor.by === 'orphans' ? 'unknown.0.0' : undefined };
    cursor = { by: cursor.by, place: seen[0], id: seen[1] };
  } while (rows.length < request.limit && performance.now() - startMs < LIST_STEP_MS);
  return { nowMs, rows, next: `${cursor.by}.${cursor.place}.${cursor.id}` };
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

/** Gives the next candidates after one. Those in memory are gathered once for all of a call. */
function candidatesBy(
  { statements, places, recent }: Table,
  by: Cursor['by'],
  request: ListRequest,
  nowMs: EpochMs,
): (after: Cursor) => readonly Candidate[] {
  const limit = LIST_CHUNK_ROWS;
  switch (by) {
    case 'rows':
      return ({ id }) => statements.listRows.all({ id, limit });
    case 'namespace': {
      const range = request.namespace === undefined ? { from: 0, until: 0 } : places.rangeOf(request.namespace);
      const inMemory = recent.between(range.from, range.until);
      return ({ place, id }) => {
        const written = statements.listNamespace.all({ place, id, limit, ...range });
        return merged(written, inMemory, { place, id, limit });
      };
    }
    case 'orphans':
      return ({ place, id }) => statements.listOrphans.all({ place, id, limit, now: nowMs });
    case 'unknown':
      return ({ place, id }) => statements.listUnknown.all({ place, id, limit });
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
