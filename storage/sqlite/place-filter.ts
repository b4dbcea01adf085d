// Tells of most places that are new that no record stands there, without a look into the table: that look is at a random
// page of it for nearly every claim. A Bloom filter (Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors",
// 1970), filled from the table in its order, a little with each batch; beyond what it has seen it does not know.

import { FILTER_BITS_MAX, FILTER_BITS_MIN, FILTER_BITS_PER_RECORD } from './limits.ts';
import type { Statements } from './statements.ts';

export interface PlaceFilter {
  /** False: no row of the table of places has this one. */
  mayHave(place: number): boolean;
  /** To be called for each place that is written into the table. Never undone: a place that goes costs a look. */
  add(place: number): void;
  /** Reads so many more from the table. True when there is more. */
  readOn(places: number): boolean;
}

export function createPlaceFilter(statements: Statements): PlaceFilter {
  let bits = 0;
  let words = new Uint32Array(0);
  /** It knows all places up to this one. */
  let readUntil = 0;
  let added = 0;

  /** With room for as many again as stand there now. */
  const begin = (): void => {
    bits = bitsFor(2 * (statements.recordCount.get() ?? 0));
    words = new Uint32Array(bits / 32);
    readUntil = -1;
    added = 0;
  };

  const set = (bit: number): void => {
    words[bit >>> 5] = (words[bit >>> 5] ?? 0) | (1 << (bit & 31));
  };
  const isSet = (bit: number): boolean => ((words[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;

  const add = (place: number): void => {
    set(firstBit(place, bits));
    set(secondBit(place, bits));
    added += 1;
  };

  begin();

  return {
    mayHave: (place) => place > readUntil || (isSet(firstBit(place, bits)) && isSet(secondBit(place, bits))),

    add(place) {
      add(place);
      if (added > bits / FILTER_BITS_PER_RECORD && bits < FILTER_BITS_MAX) begin();
    },

    readOn(places) {
      if (readUntil === Infinity) return false;
      const read = statements.placesAfter.all(readUntil, places);
      for (const place of read) add(place);
      readUntil = read.length < places ? Infinity : (read.at(-1) ?? Infinity);
      return readUntil !== Infinity;
    },
  };
}

// The lower 32 bits of a place are of the key, and random (hash.ts). `bits` is a power of two.
const firstBit = (place: number, bits: number): number => ((place % 2 ** 32) & (bits - 1)) >>> 0;
// The upper bits of the product: its lower ones follow from the first bit, and would tell nothing new.
const secondBit = (place: number, bits: number): number =>
  Math.imul(place % 2 ** 32, 0x9e3779b1) >>> Math.clz32(bits - 1);

const bitsFor = (count: number): number => {
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, count * FILTER_BITS_PER_RECORD)));
  return Math.min(FILTER_BITS_MAX, Math.max(FILTER_BITS_MIN, wanted));
};
