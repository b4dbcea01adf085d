// Counts, from the counters that the scripts keep in each shard; no record is read but orphans.

import { epochMs, orphanOf, STORED_STATES, type EpochMs, type Namespace, type StoreStats } from '../contract/index.ts';
import { nowOf, type Context } from './context.ts';
import { ORPHANS_COUNTED_MAX } from './limits.ts';
import { list } from './list.ts';
import { stateCode } from './pack.ts';
import { HELD } from './scan.ts';

export async function stats(context: Context, now: string): Promise<StoreStats> {
  const nowMs = await nowOf(context, now);
  const [groups, orphans, storeBytes] = await Promise.all([
    countGroups(context),
    countOrphans(context, nowMs),
    usedMemory(context),
  ]);
  return { nowMs, groups, ...orphans, storeBytes };
}

type Group = StoreStats['groups'][number];

/** lua/record.lua, `recount`, says why those in progress are the rest. */
async function countGroups({ router, keys }: Context): Promise<readonly Group[]> {
  const totals = new Map<string, number>();
  const replies = await Promise.all(
    keys.shards.map(({ slot, countsKey }) => router.send(slot, 'hgetall', [countsKey])),
  );
  for (const reply of replies as readonly Readonly<Record<string, Buffer>>[]) {
    for (const [field, count] of Object.entries(reply)) {
      if (field !== TOUCHED) totals.set(field, (totals.get(field) ?? 0) + Number(count));
    }
  }
  const namespaces = new Set([...totals.keys()].map((field) => field.slice(FIELD_START) as Namespace));
  return [...namespaces].flatMap((namespace) => groupsOf(namespace, totals));
}

/** What a script writes that has nothing else to write, for WAIT to count. */
const TOUCHED = '@';
/** What stands in front of the namespace: r for records or b for bytes, and the state. */
const FIELD_START = 2;

function groupsOf(namespace: Namespace, totals: ReadonlyMap<string, number>): readonly Group[] {
  const counted = STORED_STATES.map((state) => ({
    namespace,
    state,
    records: totals.get(`r${stateCode(state)}${namespace}`) ?? 0,
    bytes: totals.get(`b${stateCode(state)}${namespace}`) ?? 0,
  }));
  const settled = counted.filter(({ state }) => state !== 'IN_PROGRESS');
  const records =
    (totals.get(`r${stateCode('IN_PROGRESS')}${namespace}`) ?? 0) -
    settled.reduce((sum, group) => sum + group.records, 0);
  return counted
    .map((group) => (group.state === 'IN_PROGRESS' ? { ...group, records } : group))
    .filter((group) => group.records > 0);
}

type Orphans = Pick<StoreStats, 'orphans' | 'oldestOrphanMs'>;

async function countOrphans(context: Context, nowMs: EpochMs): Promise<Orphans> {
  const { keys, router } = context;
  const held = await Promise.all(
    keys.shards.map(({ slot, indexKey }) => router.send(slot, 'zcount', [indexKey, HELD, HELD + nowMs])),
  );
  const heldCount = (held as readonly number[]).reduce((sum, count) => sum + count, 0);
  if (heldCount === 0) return { orphans: 0, oldestOrphanMs: undefined };
  const listed = await listOrphans(context, nowMs);
  // So many that those which expired and wait for compaction do not matter.
  const orphans = listed.isCut ? heldCount : listed.sinceMs.length;
  const oldestMs = Math.min(...listed.sinceMs);
  return { orphans, oldestOrphanMs: listed.sinceMs.length === 0 ? undefined : epochMs(oldestMs) };
}

async function listOrphans(context: Context, nowMs: EpochMs) {
  const sinceMs: number[] = [];
  for (let after: string | undefined = ''; after !== undefined;) {
    if (sinceMs.length >= ORPHANS_COUNTED_MAX) return { sinceMs, isCut: true };
    const page = await list(context, { orphanedOnly: true, limit: 1_000, after }, String(nowMs));
    sinceMs.push(...page.records.flatMap((record) => orphanOf(record, nowMs)?.sinceMs ?? []));
    after = page.next;
  }
  return { sinceMs, isCut: false };
}

/** Of all primaries together, whoever else may use them. */
async function usedMemory({ router }: Context): Promise<number> {
  const replies = await Promise.all([...router.primaries().values()].map(({ link }) => link.send('info', ['memory'])));
  return replies.reduce<number>((sum, reply) => sum + Number(/^used_memory:(\d+)/m.exec(String(reply))?.[1] ?? 0), 0);
}
