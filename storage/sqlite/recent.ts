// The places of the newest records, which stand in memory until they are written in bulk: sorted, many share a page,
// where one written with its record would dirty a page of its own. A start reads them again from their rows.

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

/** Ids by place. Two keys may share one, which is rare: most entries are a plain number. */
type Generation = Map<number, number | readonly number[]>;

/** A generation that is being written, in the order of places. */
interface Leaving {
  readonly entries: Generation;
  readonly hashes: Float64Array;
  /** No record up to this id is in a later generation. */
  readonly untilId: number;
  written: number;
}

interface Change {
  readonly entries: Generation;
  readonly hash: number;
  readonly id: number;
  readonly isAdded: boolean;
}

const NONE: readonly number[] = [];

export function createRecent(statements: Statements, recordsMax: number): Recent {
  const [placedUntil = 0, lastId = 0] = statements.placed.get() as number[];
  let lastUsed = Math.max(placedUntil, lastId);
  let newest: Generation = new Map();
  let leaving: Leaving | undefined;
  // What this batch did, to be undone when it is rolled back.
  let changes: Change[] = [];
  let writtenNow: number | undefined;

  for (const [hash, id] of statements.unplaced.iterate(placedUntil)) add(newest, hash, id);

  const change = (done: Change): void => {
    changes.push(done);
    if (done.isAdded) add(done.entries, done.hash, done.id);
    else drop(done.entries, done.hash, done.id);
  };

  const place = ({ entries, hashes }: Leaving, from: number, until: number): void => {
    for (const hash of hashes.subarray(from, until)) {
      for (const id of idsOf(entries, hash)) statements.place.run(hash, id);
    }
  };

  return {
    idsAt(hash) {
      const older = leaving === undefined ? NONE : idsOf(leaving.entries, hash);
      return older.length === 0 ? idsOf(newest, hash) : [...idsOf(newest, hash), ...older];
    },

    nextId: () => (lastUsed += 1),
    added: (hash, id) => change({ entries: newest, hash, id, isAdded: true }),

    removed(hash, id) {
      for (const entries of leaving === undefined ? [newest] : [newest, leaving.entries]) {
        if (idsOf(entries, hash).includes(id)) change({ entries, hash, id, isAdded: false });
      }
    },

    between(from, until) {
      const found: Candidate[] = [];
      for (const entries of leaving === undefined ? [newest] : [newest, leaving.entries]) {
        for (const hash of entries.keys()) {
          if (hash >= from && hash < until) found.push(...idsOf(entries, hash).map((id): Candidate => [hash, id]));
        }
      }
      return found;
    },

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
      leaving = { entries: newest, hashes: Float64Array.from(newest.keys()).sort(), untilId: lastUsed, written: 0 };
      newest = new Map();
    },

    rolledBack() {
      for (const { entries, hash, id, isAdded } of changes.toReversed()) {
        if (isAdded) drop(entries, hash, id);
        else add(entries, hash, id);
      }
      writtenNow = undefined;
      changes = [];
    },
  };
}

function idsOf(entries: Generation, hash: number): readonly number[] {
  const ids = entries.get(hash);
  if (ids === undefined) return NONE;
  return typeof ids === 'number' ? [ids] : ids;
}

function add(entries: Generation, hash: number, id: number): void {
  const others = idsOf(entries, hash);
  entries.set(hash, others.length === 0 ? id : [...others, id]);
}

function drop(entries: Generation, hash: number, id: number): void {
  const others = idsOf(entries, hash).filter((other) => other !== id);
  if (others.length === 0) entries.delete(hash);
  else entries.set(hash, others);
}
