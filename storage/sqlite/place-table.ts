// Ids of rows by their place, in flat memory: open addressing with linear probing. A Map of as many numbers is four times as
// large, and a look into it cost a microsecond of cache misses.

import type { Candidate } from './statements.ts';

export interface PlaceTable {
  /** How many were ever added: those that were dropped leave a gap. */
  readonly size: number;
  /** Two keys may share a place. */
  idsAt(hash: number): readonly number[];
  add(hash: number, id: number): void;
  drop(hash: number, id: number): void;
  hashes(): Float64Array;
  /** Those from `from` up to, without, `until`, in no order. */
  between(from: number, until: number): readonly Candidate[];
}

const FREE = -1;
const GAP = -2;
const NONE: readonly number[] = [];

export function createPlaceTable(expected: number): PlaceTable {
  let mask = 0;
  let hashes = new Float64Array(0);
  let ids = new Float64Array(0);
  let size = 0;

  const allocate = (slots: number): void => {
    mask = slots - 1;
    hashes = new Float64Array(slots).fill(FREE);
    ids = new Float64Array(slots);
    size = 0;
  };

  const put = (hash: number, id: number): void => {
    let slot = slotOf(hash, mask);
    while (hashes[slot] !== FREE) slot = (slot + 1) & mask;
    hashes[slot] = hash;
    ids[slot] = id;
    size += 1;
  };

  const grow = (): void => {
    const [oldHashes, oldIds] = [hashes, ids];
    allocate(2 * hashes.length);
    for (const [slot, hash] of oldHashes.entries()) if (hash >= 0) put(hash, oldIds[slot] ?? 0);
  };

  allocate(2 ** Math.ceil(Math.log2(expected * 2 + 1)));

  return {
    get size() {
      return size;
    },

    idsAt(hash) {
      let found = NONE;
      for (let slot = slotOf(hash, mask); hashes[slot] !== FREE; slot = (slot + 1) & mask) {
        if (hashes[slot] === hash) found = [...found, ids[slot] ?? 0];
      }
      return found;
    },

    add(hash, id) {
      if (size * 2 >= hashes.length) grow();
      put(hash, id);
    },

    drop(hash, id) {
      for (let slot = slotOf(hash, mask); hashes[slot] !== FREE; slot = (slot + 1) & mask) {
        if (hashes[slot] === hash && ids[slot] === id) hashes[slot] = GAP;
      }
    },

    hashes() {
      const found = new Float64Array(size);
      let count = 0;
      for (const hash of hashes) if (hash >= 0) found[count++] = hash;
      return found.subarray(0, count);
    },

    between(from, until) {
      const found: Candidate[] = [];
      for (let slot = 0; slot <= mask; slot += 1) {
        const hash = hashes[slot] ?? FREE;
        if (hash >= from && hash < until) found.push([hash, ids[slot] ?? 0]);
      }
      return found;
    },
  };
}

/** The lower 32 bits of a place are random (hash.ts). */
const slotOf = (hash: number, mask: number): number => (hash % 2 ** 32) & mask;
