// What a faulty network does to which call: faults that are due a number of times, by name of the call, and faults at
// random from a seed.

export type FaultKind = 'drop_request' | 'drop_reply' | 'delay_reply' | 'repeat_request' | 'late_copy';

export interface Fault {
  readonly fault: FaultKind;
  /** Name of the call, such as Complete. Default: any. */
  readonly rpc?: string;
  /** How often it is due. Default: once, or without end where it has a share. */
  readonly times?: number;
  /** Of the calls that fit, 0 to 1. Default: all. */
  readonly share?: number;
  /** Milliseconds: of the delay, or until the late copy is sent. Default: 0. */
  readonly ms?: number;
}

export interface Verdict {
  readonly kind: FaultKind | 'none';
  readonly ms: number;
}

export interface Faults {
  set(faults: readonly Fault[]): void;
  /** Of all that were ever in force. */
  told(): Told;
  /** What to do with the next call of this path. */
  judge(path: string): Verdict;
}

export interface Told {
  /** How often there were faults to set. */
  readonly sets: number;
  /** What fell on no call at all. */
  readonly missed: readonly Fault[];
}

export function createFaults(seed: number): Faults {
  const random = mulberry32(seed);
  let due: { readonly fault: Fault; times: number; hasFallen: boolean }[] = [];
  let sets = 0;
  const missed: Fault[] = [];
  const stillMissed = (): Fault[] => due.filter(({ hasFallen }) => !hasFallen).map(({ fault }) => fault);
  return {
    set(faults) {
      missed.push(...stillMissed());
      if (faults.length > 0) sets += 1;
      due = faults.map((fault) => {
        const times = fault.times ?? (fault.share === undefined ? 1 : Infinity);
        return { fault, times, hasFallen: false };
      });
    },
    told: () => ({ sets, missed: [...missed, ...stillMissed()] }),
    judge(path) {
      const rpc = path.slice(path.lastIndexOf('/') + 1);
      const found = due.find(({ fault, times }) => times > 0 && fits(fault, rpc) && random() < (fault.share ?? 1));
      if (found === undefined) return { kind: 'none', ms: 0 };
      found.times -= 1;
      found.hasFallen = true;
      return { kind: found.fault.fault, ms: found.fault.ms ?? 0 };
    },
  };
}

const fits = (fault: Fault, rpc: string): boolean => fault.rpc === undefined || fault.rpc === rpc;

/** A well-known small generator: the same faults for the same seed and order of calls. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
