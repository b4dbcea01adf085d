// Reading the index of a shard, and many records at once.

import type { StoredRecord } from '../contract/index.ts';
import type { Context } from './context.ts';
import type { Shard } from './keys.ts';
import { SCRIPT_RECORDS_MAX } from './limits.ts';
import { unpackRecord } from './pack.ts';
import { scripts } from './scripts.ts';

/** Where a record stands in the index: by its score, then by its id. Writes of other records do not move it. */
export interface Position {
  readonly score: number;
  readonly id: string;
}

/** In the index, what is held stands at this plus its instant; an orphan's timer is its id behind a dot. */
export const HELD = 1_000_000_000_000_000;
export const isTimer = (entry: string): boolean => entry.startsWith('.');
export const idOfEntry = (entry: string): string => (isTimer(entry) ? entry.slice(1) : entry);

export interface ScanQuery {
  readonly shard: Shard;
  readonly from: number | string;
  readonly to: number | string;
  /** Behind this position; undefined from the start. */
  readonly after: Position | undefined;
  readonly limit: number;
}

export interface Scanned {
  readonly positions: readonly Position[];
  /** Nothing lies behind them. */
  readonly isComplete: boolean;
}

/** The next entries of the index. Many may share an instant, so those of the last one are counted past. */
export async function scan(context: Context, { shard, from, to, after, limit }: ScanQuery): Promise<Scanned> {
  for (let offset = 0; ; offset += limit) {
    const range = [shard.indexKey, after?.score ?? from, to, 'withscores', 'limit', offset, limit];
    const found = positionsOf(await context.router.send(shard.slot, 'zrangebyscore', range));
    const isComplete = found.length < limit;
    const positions = found.filter((position) => after === undefined || isBehind(position, after));
    if (positions.length > 0 || isComplete) return { positions, isComplete };
  }
}

const isBehind = (one: Position, other: Position): boolean =>
  one.score > other.score || (one.score === other.score && one.id > other.id);

/** Entries and scores, in turn. */
export function positionsOf(reply: unknown): readonly Position[] {
  const flat = (reply as readonly Buffer[]).map(String);
  return Array.from({ length: flat.length / 2 }, (_, index) => ({
    id: flat[index * 2] ?? '',
    score: Number(flat[index * 2 + 1]),
  }));
}

/** The records of these ids as they stand, without their results; those that are gone are left out. */
export async function fetchRecords(
  context: Context,
  shard: Shard,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StoredRecord>> {
  const records = new Map<string, StoredRecord>();
  for (let start = 0; start < ids.length; start += SCRIPT_RECORDS_MAX) {
    const some = ids.slice(start, start + SCRIPT_RECORDS_MAX);
    const call = { script: scripts.fetch, keys: some.map((id) => shard.keyOf(id)), args: [] };
    const packed = (await context.router.look(shard.slot, call)) as readonly (Buffer | null)[];
    for (const [index, id] of some.entries()) {
      const one = packed[index];
      if (one !== null && one !== undefined) records.set(id, unpackRecord(one, false));
    }
  }
  return records;
}
