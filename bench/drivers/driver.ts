// The load side of a subject: connected once, it gives the operations that the subject can do.

import { randomUUID } from 'node:crypto';
import type { Operate } from '../harness/window.ts';

export type { Operate } from '../harness/window.ts';

/**
 * begin: a fresh key is asked for. intent: the same, then completed with a result. begin-of-intent: an intent, of which the
 * begin alone is timed. replay: a completed key is asked for
 * and its result comes back. contended: 64 callers at a time ask for the same fresh key; one does it, all get its result.
 * takeover: a key whose lease has run out is asked for and acquired. mixed: nine replays to one intent. lookup: a
 * completed key is looked up with its result. preload: `records` completed keys are made, nothing is measured.
 */
export type WorkName =
  'begin' | 'intent' | 'begin-of-intent' | 'replay' | 'contended' | 'takeover' | 'mixed' | 'lookup' | 'preload';

/** What no peer has, or what is measured of Onced alone. */
export const ONCED_ONLY: readonly WorkName[] = ['begin-of-intent', 'contended', 'takeover'];

export interface Work {
  readonly name: WorkName;
  readonly resultBytes: number;
  /** preload: how many; replay: any of so many known keys that are there already. */
  readonly records?: number;
}

export interface Driver {
  /** Makes what the operation needs and returns it; undefined when the subject has no such operation. */
  prepare(work: Work): Promise<Operate | undefined>;
}

export interface DriverModule {
  connect(target: string): Promise<Driver>;
}

/** Random, since sequential keys flatter every index (by up to six times for a text key, PERFORMANCE.md 6). */
export const freshKey = (): string => randomUUID();

export function expectThat(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** Runs `count` tasks, `inFlight` at a time. */
export async function repeat(count: number, inFlight: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await task(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, worker));
}

export function pick<T>(items: readonly T[]): T {
  const item = items[Math.floor(Math.random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
