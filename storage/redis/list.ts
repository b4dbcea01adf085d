// Pages of records, shard by shard. Within a shard they come in the order of the index, in which only a write moves a
// record, so what stays is seen once: first those settled, the next to go first; then those held, the oldest lease first.

import {
  addMs,
  isExpired,
  orphanOf,
  type EpochMs,
  type ListFilter,
  type ListPage,
  type ListRequest,
  type StoredRecord,
} from '../contract/index.ts';
import { nowOf, type Context } from './context.ts';
import type { Shard } from './keys.ts';
import { LIST_ENTRIES_MAX, LIST_READ_MIN, LIST_SHARDS_MAX, LIST_STEP_MAX } from './limits.ts';
import { fetchRecords, HELD, scan, type Position } from './scan.ts';

export async function list(context: Context, request: ListRequest, now: string): Promise<ListPage> {
  const nowMs = await nowOf(context, now);
  const records: StoredRecord[] = [];
  const shardCount = context.keys.shards.length;
  let place = placeOf(request.after, shardCount);
  let lookedAt = 0;
  let width = 1;
  while (place.shard < shardCount && lookedAt < LIST_ENTRIES_MAX) {
    const shards = context.keys.shards.slice(place.shard, place.shard + width);
    const { after } = place;
    const wanted = request.limit - records.length;
    const steps = await Promise.all(
      shards.map((shard, index) =>
        lookAt(context, request, { shard, after: index === 0 ? after : undefined, wanted, nowMs }),
      ),
    );
    // Few steps for a small namespace, and little in vain for a large one.
    width = Math.min(width * 2, LIST_SHARDS_MAX);
    for (const [index, step] of steps.entries()) {
      for (const { position, record } of step.entries) {
        place = { shard: place.shard, after: position };
        if (record !== undefined && matches(record, request, nowMs)) records.push(record);
        if (records.length === request.limit) return { nowMs, records, next: textOf(place) };
      }
      lookedAt += step.lookedAt;
      if (!step.isComplete) {
        place = { shard: place.shard, after: step.last };
        width = 1;
        break;
      }
      place = { shard: (shards[index]?.index ?? 0) + 1, after: undefined };
    }
  }
  return { nowMs, records, next: place.shard < shardCount ? textOf(place) : undefined };
}

interface Entry {
  readonly position: Position;
  /** Undefined when it is gone. */
  readonly record: StoredRecord | undefined;
}

interface Step {
  readonly entries: readonly Entry[];
  readonly lookedAt: number;
  /** Where the next step of this shard goes on, unless it is complete. */
  readonly last: Position | undefined;
  readonly isComplete: boolean;
}

interface StepQuery {
  readonly shard: Shard;
  readonly after: Position | undefined;
  readonly wanted: number;
  readonly nowMs: EpochMs;
}

async function lookAt(context: Context, filter: ListFilter, { shard, after, wanted, nowMs }: StepQuery): Promise<Step> {
  const range = filter.orphanedOnly === true ? { from: HELD, to: HELD + nowMs } : { from: '-inf', to: '+inf' };
  const { namespace } = filter;
  const scanned = await scan(context, { ...range, shard, after, namespace, limit: LIST_STEP_MAX });
  // Of those that are all wanted no more is read than the page takes; other filters may want few of many.
  const positions = scanned.positions.slice(0, isSelective(filter) ? Math.max(wanted, LIST_READ_MIN) : wanted);
  const isCut = positions.length < scanned.positions.length;
  const records = await fetchRecords(
    context,
    shard,
    positions.map(({ id }) => id),
  );
  return {
    entries: positions.map((position) => ({ position, record: records.get(position.id) })),
    lookedAt: scanned.lookedAt,
    last: isCut ? positions.at(-1) : scanned.last,
    isComplete: scanned.isComplete && !isCut,
  };
}

const isSelective = ({ states, keyPrefix, owner, ageMsMin }: ListFilter): boolean =>
  states !== undefined || keyPrefix !== undefined || owner !== undefined || ageMsMin !== undefined;

function matches(record: StoredRecord, filter: ListFilter, nowMs: EpochMs): boolean {
  if (filter.includeExpired !== true && isExpired(record, nowMs)) return false;
  if (filter.namespace !== undefined && record.namespace !== filter.namespace) return false;
  if (filter.states !== undefined && !filter.states.includes(record.state)) return false;
  if (filter.orphanedOnly === true && orphanOf(record, nowMs) === undefined) return false;
  if (filter.keyPrefix !== undefined && !record.key.startsWith(filter.keyPrefix)) return false;
  if (filter.owner !== undefined && record.owner !== filter.owner) return false;
  return filter.ageMsMin === undefined || addMs(record.updateMs, filter.ageMsMin) <= nowMs;
}

/** Where a page begins: in this shard, behind this position. */
interface Place {
  readonly shard: number;
  readonly after: Position | undefined;
}

const textOf = ({ shard, after }: Place): string =>
  after === undefined ? `${shard}` : `${shard}:${after.score}:${after.id}`;

/** Reads what `textOf` wrote. Anything else starts at a place that exists or past the end, and harms nobody. */
function placeOf(text: string | undefined, shardCount: number): Place {
  const [shard = '0', score, id] = (text ?? '').split(':');
  const after = score === undefined || id === undefined ? undefined : { score: Number(score), id };
  return { shard: Math.min(Math.max(0, Math.trunc(Number(shard)) || 0), shardCount), after };
}
