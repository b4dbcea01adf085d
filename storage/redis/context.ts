// What every verb works with: the names of the keys, the way to them, and the two small things that all of them do.

import { epochMs, StoreError, type EpochMs, type RecordId, type VerbOptions } from '../contract/index.ts';
import { storeErrorOf } from './errors.ts';
import type { Keys, RecordName } from './keys.ts';
import { unpackRecord } from './pack.ts';
import type { Router } from './router.ts';
import type { Argument, Script } from './scripts.ts';
import type { StoredRecord } from '../contract/index.ts';

export interface Context {
  readonly keys: Keys;
  readonly router: Router;
  /** '1' on tier replica: a script that finds nothing to write writes a little all the same, for WAIT to count. */
  readonly touch: '0' | '1';
}

/** Rejects a verb whose signal has fired; `''` lets the script read the server's clock. */
export function startVerb(options: VerbOptions | undefined): string {
  if (options?.signal?.aborted === true) throw new StoreError('cancelled', 'cancelled before Redis was asked');
  return options?.nowMs === undefined ? '' : String(options.nowMs);
}

/** What a script of one record answered. */
export interface RecordReply {
  readonly applied: boolean;
  readonly nowMs: EpochMs;
  readonly record: StoredRecord | undefined;
}

export interface RecordCall {
  readonly script: Script;
  readonly id: RecordId;
  /** Whether an unanswered call may have changed anything. */
  readonly writes: boolean;
  readonly args: (name: RecordName) => readonly Argument[];
}

/** Runs a script of one record and reads its answer. Rejects with StoreError only. */
export async function runOnRecord(context: Context, { script, id, writes, args }: RecordCall): Promise<RecordReply> {
  const name = context.keys.nameOf(id);
  const call = { script, keys: [...name.shard.sets, name.key], args: args(name) };
  try {
    const reply = await context.router.run(name.shard.slot, call);
    const [applied, nowMs, packed] = reply as readonly [number, number, Buffer | null];
    return {
      applied: applied === 1,
      nowMs: epochMs(nowMs),
      // Only what was not applied brings its result along.
      record: packed === null ? undefined : unpackRecord(packed, applied !== 1),
    };
  } catch (error) {
    throw storeErrorOf(error, { writes });
  }
}

/** The virtual instant of a verb, or the clock of one primary. */
export async function nowOf({ router, keys }: Context, now: string): Promise<EpochMs> {
  if (now !== '') return epochMs(Number(now));
  const reply = await router.send(keys.shards[0]?.slot ?? 0, 'time', []);
  const [seconds, microseconds] = (reply as readonly Buffer[]).map(Number);
  return epochMs((seconds ?? 0) * 1_000 + Math.floor((microseconds ?? 0) / 1_000));
}
