// Operations that are sent and unanswered, by id. Places that are used again, not a Map: a Map that entries come to and go
// from makes its table anew every so often, and an old table that the garbage collector has promoted keeps every later
// entry alive until a full collection. Under load that was pauses of 10 ms where 1 ms does.

export interface Sent {
  /** Comes again after four billion others: a late answer must not be taken for that of who has its place now. */
  id: number;
}

export interface SentOperations<Entry extends Sent> {
  readonly size: number;
  /** Gives it its id. */
  add(entry: Entry): void;
  /** Undefined when no entry has this id any more. */
  remove(id: number): Entry | undefined;
  all(): Iterable<Entry>;
  clear(): void;
}

/** So many may be unanswered. An id is its place and a multiple of this. */
export const SENT_MAX = 2 ** 16;
const TURNS = 2 ** 32;

export function createSentOperations<Entry extends Sent>(): SentOperations<Entry> {
  let places: (Entry | undefined)[] = [];
  let free: number[] = [];
  let turn = 1;

  return {
    get size() {
      return places.length - free.length;
    },
    add(entry) {
      const place = free.pop() ?? places.length;
      entry.id = turn * SENT_MAX + place;
      turn = (turn + 1) % TURNS;
      places[place] = entry;
    },
    remove(id) {
      const place = id % SENT_MAX;
      const entry = places[place];
      if (entry?.id !== id) return undefined;
      places[place] = undefined;
      free.push(place);
      return entry;
    },
    all: () => places.filter((entry) => entry !== undefined),
    clear() {
      places = [];
      free = [];
    },
  };
}
