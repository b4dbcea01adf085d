// Seeded chance: one number decides a whole history, so that a failure can be played again.

export interface Random {
  /** 0 to 1, 1 excluded. */
  next(): number;
  chance(probability: number): boolean;
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number;
  pick<T>(list: readonly T[]): T;
  hex(digits: number): string;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  // mulberry32: 32 bits of state are enough for histories of some hundred choices.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    chance: (probability) => next() < probability,
    between,
    pick(list) {
      const picked = list[between(0, list.length - 1)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
    hex: (digits) => Array.from({ length: digits }, () => between(0, 15).toString(16)).join(''),
  };
}

/** `count` seeds to try, new ones each run; only the one in ONCED_SEED when it is set. Printed, to be replayed. */
export function seedsToTry(what: string, count: number): readonly number[] {
  const given = process.env['ONCED_SEED'];
  const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  if (!Number.isSafeInteger(first)) throw new Error(`ONCED_SEED must be a whole number, not "${given}"`);
  const seeds = Array.from({ length: given === undefined ? count : 1 }, (_, index) => first + index);
  console.log(`${what}: seeds ${first} to ${first + seeds.length - 1}; replay one with ONCED_SEED=<seed>`);
  return seeds;
}
