// Reading the sets of a shard, and many records at once.

import type { StoredRecord } from '../contract/index.ts';
import type { Context } from './context.ts';
import type { Shard } from './keys.ts';
import { SCRIPT_RECORDS_MAX } from './limits.ts';
import { unpackRecord } from './pack.ts';
import { scripts, type Argument } from './scripts.ts';

/** Where a record stands in a set: by its score, then by its id. Writes of other records do not move it. */
export interface Position {
  readonly score: number;
  readonly id: string;
}

export interface ScanQuery {
  /** Key name of the set. */
  readonly set: string;
  readonly shard: Shard;
  /** Behind this position; undefined from the start. */
  readonly after: Position | undefined;
  /** No further than this score. */
  readonly to: number | string;
  readonly limit: number;
}

export interface Scanned {
  readonly positions: readonly Position[];
  /** Nothing lies behind them. */
  readonly isComplete: boolean;
}

/** The next of a set. Many may share a score, so those of the last one are counted past. */
export async function scan(context: Context, { set, shard, after, to, limit }: ScanQuery): Promise<Scanned> {
  const from = after?.score ?? '-inf';
  for (let offset = 0; ; offset += limit) {
    const found = await rangeByScore(context, shard, { set, from, to, offset, limit });
    const isComplete = found.length < limit;
    const positions = found.filter((position) => after === undefined || isBehind(position, after));
    if (positions.length > 0 || isComplete) return { positions, isComplete };
  }
}

const isBehind = (one: Position, other: Position): boolean =>
  one.score > other.score || (one.score === other.score && one.id > other.id);

export interface ScoreRange {
  readonly set: string;
  readonly from: number | string;
  readonly to: number | string;
  readonly offset: number;
  readonly limit: number;
}

export async function rangeByScore(context: Context, shard: Shard, range: ScoreRange): Promise<readonly Position[]> {
  const { set, from, to, offset, limit } = range;
  const args: readonly Argument[] = [set, from, to, 'withscores', 'limit', offset, limit];
  const flat = texts(await context.router.send(shard.slot, 'zrangebyscore', args));
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

const texts = (reply: unknown): readonly string[] => (reply as readonly Buffer[]).map(String);
