// The places of the newest records, which stand in memory until they are written in bulk: sorted, many share a page,
// where one written with its record would dirty a page of its own. A start reads them again from their rows.

import type { PlaceFilter } from './place-filter.ts';
import { createPlaceTable, type PlaceTable } from './place-table.ts';
import type { Candidate, Statements } from './statements.ts';

export interface Recent {
  /** Rows that may be the record at this place; whoever reads them compares namespace and key. */
  idsAt(hash: number): readonly number[];
  /** The id of the next new row. Never one that was used before, also not by a row that is gone. */
  nextId(): number;
  added(hash: number, id: number): void;
  removed(hash: number, id: number): void;
  /** Those from `from` up to, without, `until`, in no order. */
  between(from: number, until: number): readonly Candidate[];
  /** Writes some places, inside the batch's transaction. */
  write(): void;
  committed(): void;
  rolledBack(): void;
}

/** A generation that is being written, in the order of places. */
interface Leaving {
  readonly entries: PlaceTable;
  readonly hashes: Float64Array;
  /** No record up to this id is in a later generation. */
  readonly untilId: number;
  written: number;
}

interface Change {
  readonly entries: PlaceTable;
  readonly hash: number;
  readonly id: number;
  readonly isAdded: boolean;
}

export function createRecent(statements: Statements, filter: PlaceFilter, recordsMax: number): Recent {
  const [placedUntil = 0, lastId = 0] = statements.placed.get() as number[];
  let lastUsed = Math.max(placedUntil, lastId);
  let newest = createPlaceTable(recordsMax);
  let leaving: Leaving | undefined;
  // What this batch did, to be undone when it is rolled back.
  let changes: Change[] = [];
  let writtenNow: number | undefined;

  for (const [hash, id] of statements.unplaced.iterate(placedUntil)) newest.add(hash, id);

  const change = (done: Change): void => {
    changes.push(done);
    if (done.isAdded) done.entries.add(done.hash, done.id);
    else done.entries.drop(done.hash, done.id);
  };

  const place = ({ entries, hashes }: Leaving, from: number, until: number): void => {
    for (const hash of hashes.subarray(from, until)) {
      filter.add(hash);
      for (const id of entries.idsAt(hash)) statements.place.run(hash, id);
    }
  };

  return {
    idsAt(hash) {
      const newer = newest.idsAt(hash);
      if (leaving === undefined) return newer;
      const older = leaving.entries.idsAt(hash);
      return older.length === 0 ? newer : [...newer, ...older];
    },

    nextId: () => (lastUsed += 1),
    added: (hash, id) => change({ entries: newest, hash, id, isAdded: true }),

    removed(hash, id) {
      for (const entries of leaving === undefined ? [newest] : [newest, leaving.entries]) {
        if (entries.idsAt(hash).includes(id)) change({ entries, hash, id, isAdded: false });
      }
    },

    between: (from, until) => [
      ...newest.between(from, until),
      ...(leaving === undefined ? [] : leaving.entries.between(from, until)),
    ],

    write() {
      if (leaving === undefined) return;
      // Twice as many as came: the generation is written when the next is half full.
      writtenNow = Math.min(leaving.hashes.length, leaving.written + 2 * changes.length + 1);
      place(leaving, leaving.written, writtenNow);
      if (writtenNow === leaving.hashes.length) statements.placedUntil.run(leaving.untilId);
    },

    committed() {
      if (leaving !== undefined) leaving.written = writtenNow ?? leaving.written;
      if (leaving?.written === leaving?.hashes.length) leaving = undefined;
      writtenNow = undefined;
      changes = [];
      // Never inside a transaction: what is rolled back must find the generations as they were.
      if (leaving !== undefined || newest.size < recordsMax) return;
      leaving = { entries: newest, hashes: newest.hashes().sort(), untilId: lastUsed, written: 0 };
      newest = createPlaceTable(recordsMax);
    },

    rolledBack() {
      for (const { entries, hash, id, isAdded } of changes.toReversed()) {
        if (isAdded) entries.drop(hash, id);
        else entries.add(hash, id);
      }
      writtenNow = undefined;
      changes = [];
    },
  };
}
