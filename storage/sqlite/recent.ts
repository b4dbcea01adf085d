// What the table of places does not have yet of the newest records, and still has of the last that went: it stands in
// memory until it is written and deleted in bulk. Sorted, many places share a page, where one that is written with its
// record would dirty a page of its own. A start reads the new ones from their rows and the gone ones from what was
// written with their removal.

import { GONE_BATCHES_FORGOTTEN } from './limits.ts';
import type { PlaceFilter } from './place-filter.ts';
import { createPlaceTable, type PlaceTable } from './place-table.ts';
import type { Candidate, Statements } from './statements.ts';

export interface Recent {
  /** Rows that may be the record at this place; whoever reads them compares namespace and key. */
  idsAt(hash: number): readonly number[];
  /** The id of the next new row. Never one whose place may stand in the table, also of a row that is gone. */
  nextId(): number;
  added(hash: number, id: number): void;
  /** From here on the table may have a place without a record. */
  removed(hash: number, id: number): void;
  /** Those from `from` up to, without, `until`, in no order. */
  between(from: number, until: number): readonly Candidate[];
  /** Writes what this batch removed, and some places, inside the batch's transaction. */
  write(): void;
  committed(): void;
  rolledBack(): void;
}

/** Of one place-many.sql: a place each, and its id. */
const PLACE_MANY_VALUES = 16;

interface Generation {
  /** Not yet in the table. */
  readonly added: PlaceTable;
  /** Not to be in the table any more. */
  readonly gone: PlaceTable;
}

/** A generation that is being written, in the order of places. */
interface Leaving extends Generation {
  readonly hashes: Float64Array;
  /** No new record up to this id is in a later generation. */
  readonly untilId: number;
  /** Nor any that went in a batch up to this one. */
  readonly untilBatch: number;
  written: number;
}

interface Change {
  readonly entries: PlaceTable;
  readonly hash: number;
  readonly id: number;
  readonly isAdded: boolean;
}

export function createRecent(statements: Statements, filter: PlaceFilter, recordsMax: number): Recent {
  const begun = (): Generation => ({ added: createPlaceTable(recordsMax), gone: createPlaceTable(1) });

  const [placedUntil = 0, lastId = 0] = statements.placed.get() as number[];
  let lastUsed = Math.max(placedUntil, lastId);
  let lastBatch = 0;
  let newest = begun();
  let leaving: Leaving | undefined;
  /** The batches up to this one are to be forgotten. */
  let forgottenUntil = 0;
  // What this batch did, to be undone when it is rolled back.
  let changes: Change[] = [];
  let writtenNow: number | undefined;

  for (const [hash, id] of statements.unplaced.iterate(placedUntil)) newest.added.add(hash, id);
  for (const [batch, places] of statements.gone.iterate()) {
    lastBatch = batch;
    for (const [hash, id] of JSON.parse(places) as Candidate[]) {
      newest.gone.add(hash, id);
      lastUsed = Math.max(lastUsed, id);
    }
  }
  /** Of those up to this id the table may have some, of a generation whose writing a stop has cut short. */
  const readUntil = lastUsed;

  const change = (done: Change): void => {
    changes.push(done);
    if (done.isAdded) done.entries.add(done.hash, done.id);
    else done.entries.drop(done.hash, done.id);
  };

  const place = ({ added, gone, hashes }: Leaving, from: number, until: number): void => {
    const values: number[] = [];
    for (const hash of hashes.subarray(from, until)) {
      for (const id of gone.idsAt(hash)) statements.unplace.run(hash, id);
      for (const id of added.idsAt(hash)) {
        filter.add(hash);
        values.push(hash, id);
      }
    }
    let written = 0;
    for (; written + PLACE_MANY_VALUES <= values.length; written += PLACE_MANY_VALUES) {
      statements.placeMany.run(values.slice(written, written + PLACE_MANY_VALUES));
    }
    for (; written < values.length; written += 2) statements.place.run(values[written], values[written + 1]);
  };

  const writeGone = (): void => {
    const gone = changes.filter(({ entries }) => entries === newest.gone);
    if (gone.length === 0) return;
    // Not a number again that was rolled back: a generation may have closed with it.
    lastBatch += 1;
    statements.goneAdd.run(lastBatch, JSON.stringify(gone.map(({ hash, id }) => [hash, id])));
  };

  return {
    idsAt(hash) {
      const newer = newest.added.idsAt(hash);
      if (leaving === undefined) return newer;
      const older = leaving.added.idsAt(hash);
      return older.length === 0 ? newer : [...newer, ...older];
    },

    nextId: () => (lastUsed += 1),
    added: (hash, id) => change({ entries: newest.added, hash, id, isAdded: true }),

    removed(hash, id) {
      const isNew = newest.added.idsAt(hash).includes(id);
      if (isNew) change({ entries: newest.added, hash, id, isAdded: false });
      // Of the generation that is leaving, too: it is written before this one.
      if (!isNew || id <= readUntil) change({ entries: newest.gone, hash, id, isAdded: true });
    },

    between: (from, until) => [
      ...newest.added.between(from, until),
      ...(leaving === undefined ? [] : leaving.added.between(from, until)),
    ],

    write() {
      writeGone();
      if (forgottenUntil > 0) {
        const { changes: forgotten } = statements.goneForget.run(forgottenUntil, GONE_BATCHES_FORGOTTEN);
        if (forgotten === 0) forgottenUntil = 0;
      }
      if (leaving === undefined) return;
      // Twice as many as came: the generation is written when the next is half full.
      writtenNow = Math.min(leaving.hashes.length, leaving.written + 2 * changes.length + 1);
      place(leaving, leaving.written, writtenNow);
      if (writtenNow === leaving.hashes.length) statements.placedUntil.run(leaving.untilId);
    },

    committed() {
      if (leaving !== undefined) leaving.written = writtenNow ?? leaving.written;
      if (leaving?.written === leaving?.hashes.length) {
        forgottenUntil = leaving?.untilBatch ?? forgottenUntil;
        leaving = undefined;
      }
      writtenNow = undefined;
      changes = [];
      // Never inside a transaction: what is rolled back must find the generations as they were.
      if (leaving !== undefined || newest.added.size + newest.gone.size < recordsMax) return;
      leaving = { ...newest, hashes: sortedHashes(newest), untilId: lastUsed, untilBatch: lastBatch, written: 0 };
      newest = begun();
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

function sortedHashes({ added, gone }: Generation): Float64Array {
  const [ofAdded, ofGone] = [added.hashes(), gone.hashes()];
  const all = new Float64Array(ofAdded.length + ofGone.length);
  all.set(ofAdded);
  all.set(ofGone, ofAdded.length);
  return all.sort();
}
