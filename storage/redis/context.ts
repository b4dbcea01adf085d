// What every verb works with: the names of the keys, the way to them, and the small things that all of them do.

import {
  epochMs,
  StoreError,
  type EpochMs,
  type RecordId,
  type StoredRecord,
  type VerbOptions,
} from '../contract/index.ts';
import { storeErrorOf } from './errors.ts';
import type { Keys } from './keys.ts';
import { unpackRecord, type Known } from './pack.ts';
import type { Router } from './router.ts';
import type { Argument, Script } from './scripts.ts';

export interface Context {
  readonly keys: Keys;
  readonly router: Router;
}

/** Rejects a verb whose signal has fired; '' lets the script read the server's clock. */
export function startVerb(options: VerbOptions | undefined): string {
  if (options?.signal?.aborted === true) throw new StoreError('cancelled', 'cancelled before Redis was asked');
  return options?.nowMs === undefined ? '' : String(options.nowMs);
}

export interface RecordCall {
  readonly script: Script;
  readonly record: RecordId;
  readonly now: string;
  /** Whether an unanswered call may have changed anything. */
  readonly writes: boolean;
  readonly args: (id: string) => readonly Argument[];
  readonly known?: Known;
}

/** What a script says of one record. */
export interface RecordAnswer {
  readonly applied: boolean;
  readonly nowMs: EpochMs;
  readonly record: StoredRecord | undefined;
}

/** Runs a script on one record. Rejects with StoreError only. */
export async function operate(context: Context, call: RecordCall): Promise<RecordAnswer> {
  const { shard, id, key } = context.keys.nameOf(call.record);
  try {
    const { applied, nowMs, packed } = await context.router.operate({
      script: call.script,
      shard,
      key,
      now: call.now,
      args: call.args(id),
    });
    // Only what was not applied brings its result along.
    const how = applied ? { withResult: false, ...call.known } : { withResult: true };
    return { applied, nowMs: epochMs(nowMs), record: packed === null ? undefined : unpackRecord(packed, how) };
  } catch (error) {
    throw storeErrorOf(error, call);
  }
}

/** The virtual instant of a verb, or the clock of one primary. */
export async function nowOf({ router, keys }: Context, now: string): Promise<EpochMs> {
  if (now !== '') return epochMs(Number(now));
  const reply = await router.send(keys.shards[0]?.slot ?? 0, 'time', []);
  const [seconds = 0, microseconds = 0] = (reply as readonly Buffer[]).map(Number);
  return epochMs(seconds * 1_000 + Math.floor(microseconds / 1_000));
}
