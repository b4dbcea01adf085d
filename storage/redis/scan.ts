// Reading the sets of a shard, and many records at once.

import type { EpochMs, Namespace, StoredRecord } from '../contract/index.ts';
import type { Context } from './context.ts';
import { namespaceTag, type Shard } from './keys.ts';
import { SCRIPT_RECORDS_MAX } from './limits.ts';
import { unpackRecord } from './pack.ts';
import { scripts, type Argument } from './scripts.ts';

/** Where a record stands in a set. In `names` all scores are 0, and the order is that of the ids. */
export interface Position {
  readonly score: number;
  readonly id: string;
}

export interface ScanQuery {
  readonly source: 'names' | 'held';
  readonly shard: Shard;
  /** Behind this position; undefined from the start. */
  readonly after: Position | undefined;
  readonly limit: number;
  /** `names` only: just those of this namespace, and perhaps of another one with the same tag. */
  readonly namespace: Namespace | undefined;
  /** `held` only: those that are orphans at this instant. */
  readonly nowMs: EpochMs;
}

export interface Scanned {
  readonly positions: readonly Position[];
  /** Nothing lies behind them. */
  readonly isComplete: boolean;
}

export const scan = (context: Context, query: ScanQuery): Promise<Scanned> =>
  query.source === 'names' ? scanNames(context, query) : scanHeld(context, query);

async function scanNames(context: Context, { shard, after, limit, namespace }: ScanQuery): Promise<Scanned> {
  const tag = namespace === undefined ? undefined : namespaceTag(namespace);
  const from = after === undefined ? (tag === undefined ? '-' : `[${tag}`) : `(${after.id}`;
  // Sorts behind every character of an id.
  const to = tag === undefined ? '+' : `(${tag}~`;
  const ids = texts(await context.router.send(shard.slot, 'zrangebylex', [shard.sets[0], from, to, 'limit', 0, limit]));
  return { positions: ids.map((id) => ({ score: 0, id })), isComplete: ids.length < limit };
}

/** By score, then by name. Many may share a millisecond, so those of the last one are counted past. */
async function scanHeld(context: Context, { shard, after, limit, nowMs }: ScanQuery): Promise<Scanned> {
  const from = after?.score ?? '-inf';
  for (let offset = 0; ; offset += limit) {
    const found = await rangeByScore(context, shard, { set: shard.sets[2], from, to: nowMs, offset, limit });
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

/** The records of these ids as they stand, without their results; undefined for those that are gone. */
export async function fetchRecords(
  context: Context,
  shard: Shard,
  ids: readonly string[],
): Promise<readonly (StoredRecord | undefined)[]> {
  const records: (StoredRecord | undefined)[] = [];
  for (let start = 0; start < ids.length; start += SCRIPT_RECORDS_MAX) {
    const keys = ids.slice(start, start + SCRIPT_RECORDS_MAX).map((id) => shard.keyOf(id));
    const call = { script: scripts.fetch, keys: [...shard.sets, ...keys], args: [] };
    const packed = (await context.router.look(shard.slot, call)) as readonly (Buffer | null)[];
    records.push(...packed.map((one) => (one === null ? undefined : unpackRecord(one, false))));
  }
  return records;
}

const texts = (reply: unknown): readonly string[] => (reply as readonly Buffer[]).map(String);
