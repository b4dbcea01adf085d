// Reading the index of a shard, and many records at once.

import type { Namespace, StoredRecord } from '../contract/index.ts';
import type { Context } from './context.ts';
import { namespaceTag, type Shard } from './keys.ts';
import { SCAN_ENTRIES_MAX, SCRIPT_RECORDS_MAX } from './limits.ts';
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
  /** How many entries to look at. */
  readonly limit: number;
  /** Only those of this namespace, and perhaps of another one with the same tag. */
  readonly namespace: Namespace | undefined;
}

export interface Scanned {
  /** Those wanted. */
  readonly positions: readonly Position[];
  readonly lookedAt: number;
  /** Of the last one looked at, wanted or not. */
  readonly last: Position | undefined;
  /** Nothing lies behind it. */
  readonly isComplete: boolean;
}

/** The next wanted entries of the index, of those that are looked at together; on and on while there are none. */
export async function scan(context: Context, query: ScanQuery): Promise<Scanned> {
  let { after } = query;
  for (let lookedAt = 0; ;) {
    const scanned = await scanNext(context, { ...query, after });
    lookedAt += scanned.lookedAt;
    const isDone = scanned.positions.length > 0 || scanned.isComplete || lookedAt >= SCAN_ENTRIES_MAX;
    if (isDone) return { ...scanned, lookedAt };
    after = scanned.last;
  }
}

/** Many entries may share a score, so those of the last one are counted past. */
async function scanNext(context: Context, query: ScanQuery): Promise<Scanned> {
  const { shard, from, to, after, limit, namespace } = query;
  const start = namespace === undefined ? '' : namespaceTag(namespace);
  for (let offset = 0; ; offset += limit) {
    const args = [after?.score ?? from, to, offset, limit, start];
    const call = { script: scripts.scan, keys: [shard.indexKey], args };
    const [lookedAt, ...found] = (await context.router.look(shard.slot, call)) as readonly [number, ...Buffer[]];
    const isBehind = ({ score, id }: Position): boolean =>
      after === undefined || score > after.score || (score === after.score && id > after.id);
    const isComplete = lookedAt < limit;
    const [last, ...positions] = positionsOf(found);
    if (isComplete || (last !== undefined && isBehind(last))) {
      return { positions: positions.filter(isBehind), lookedAt, last, isComplete };
    }
  }
}

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
  const found = await Promise.all(
    chunks(ids, SCRIPT_RECORDS_MAX).map(async (some) => {
      const call = { script: scripts.fetch, keys: some.map((id) => shard.keyOf(id)), args: [] };
      const packed = (await context.router.look(shard.slot, call)) as readonly (Buffer | null)[];
      return some.flatMap((id, index) => {
        const one = packed[index];
        return one === null || one === undefined ? [] : ([[id, unpackRecord(one, { withResult: false })]] as const);
      });
    }),
  );
  return new Map(found.flat());
}

export const chunks = <T>(all: readonly T[], length: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / length) }, (_, index) => all.slice(index * length, (index + 1) * length));
