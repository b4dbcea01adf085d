// Compaction over all shards, oldest first. What may be due is looked up here; whether it is, the script decides.

import { durationMs, type CompactRequest, type CompactResult, type EpochMs } from '../contract/index.ts';
import { nowOf, type Context } from './context.ts';
import { namespaceTag, namespaceTagOf, type Shard } from './keys.ts';
import { DUE_ENTRIES_SKIPPED, dueEntries, SCRIPT_RECORDS_MAX, TIMERS_STEP_MAX } from './limits.ts';
import { chunks, HELD, idOfEntry, positionsOf } from './scan.ts';
import { scripts } from './scripts.ts';

interface Due {
  readonly shard: Shard;
  /** In the index. */
  readonly entry: string;
  /** Never later than the record is really due. */
  readonly dueMs: number;
}

export async function compact(context: Context, request: CompactRequest, now: string): Promise<CompactResult> {
  const nowMs = await nowOf(context, now);
  const except = new Set((request.exceptNamespaces ?? []).map(namespaceTag));
  await setTimers(context, nowMs);
  let resultsDropped = 0;
  let recordsRemoved = 0;
  const waiting = new Set<string>();
  const resultOf = (oldestMs: number | undefined): CompactResult => {
    const lagMs = durationMs(oldestMs === undefined ? 0 : nowMs - oldestMs);
    return { nowMs, resultsDropped, recordsRemoved, more: oldestMs !== undefined, lagMs };
  };
  for (;;) {
    const left = request.limit - resultsDropped - recordsRemoved;
    const oldest = await oldestDue(context, {
      except,
      waiting,
      nowMs,
      limit: dueEntries(request.limit, context.keys.shards.length),
    });
    const answers = await compactAll(context, oldest.slice(0, left), { now, work: true, waiting });
    resultsDropped += answers.filter((answer) => answer === 'dropped').length;
    recordsRemoved += answers.filter((answer) => answer === 'removed').length;
    if (oldest.length === 0) return resultOf(undefined);
    // At the limit what is next is only looked at, to know whether it is due or merely might have been.
    const [next] = oldest.slice(left);
    if (answers.includes('moved') || answers.includes('waits') || next === undefined) continue;
    const [answer] = await compactAll(context, [next], { now, work: false, waiting });
    if (answer === 'due') return resultOf(next.dueMs);
  }
}

/** Puts orphans where what is due is looked for. */
async function setTimers({ keys, router }: Context, nowMs: EpochMs): Promise<void> {
  await Promise.all(
    keys.shards.map(async ({ slot, indexKey }) => {
      for (let from = HELD, leftOut = 0; ;) {
        const args = [from, HELD + nowMs, leftOut, TIMERS_STEP_MAX];
        const found = await router.run(slot, { script: scripts.timers, keys: [indexKey], args });
        const [count, last] = found as readonly [number, Buffer];
        if (count < TIMERS_STEP_MAX) return;
        // Many may share a score, so those of the last one are counted past.
        leftOut = Number(last) === from ? leftOut + count : 0;
        from = Number(last);
      }
    }),
  );
}

/** The oldest of what may be due, oldest first; empty only when there is none. */
async function oldestDue(context: Context, query: Omit<DueQuery, 'shard'>): Promise<readonly Due[]> {
  const found = await Promise.all(context.keys.shards.map((shard) => dueOf(context, { ...query, shard })));
  // Of a shard that has more nothing is known behind its last one.
  const horizonMs = Math.min(...found.filter(({ isComplete }) => !isComplete).map(({ lastMs }) => lastMs));
  return found
    .flatMap(({ due }) => due)
    .filter(({ dueMs }) => dueMs <= horizonMs)
    .toSorted((a, b) => a.dueMs - b.dueMs);
}

interface DueQuery {
  readonly shard: Shard;
  readonly except: ReadonlySet<string>;
  readonly waiting: ReadonlySet<string>;
  readonly nowMs: EpochMs;
  readonly limit: number;
}

interface DueOfShard {
  readonly due: readonly Due[];
  readonly isComplete: boolean;
  readonly lastMs: number;
}

async function dueOf(context: Context, { shard, except, waiting, nowMs, ...query }: DueQuery): Promise<DueOfShard> {
  for (let offset = 0, { limit } = query; ; offset += limit, limit = DUE_ENTRIES_SKIPPED) {
    const call = { script: scripts.due, keys: [shard.indexKey], args: [nowMs, offset, limit] };
    const found = positionsOf(await context.router.run(shard.slot, call));
    const due = found
      .filter(({ id }) => !except.has(namespaceTagOf(idOfEntry(id))) && !waiting.has(id))
      .map(({ id, score }) => ({ shard, entry: id, dueMs: score }));
    const isComplete = found.length < limit;
    if (due.length > 0 || isComplete) return { due, isComplete, lastMs: found.at(-1)?.score ?? nowMs };
  }
}

type Answer = 'removed' | 'dropped' | 'moved' | 'waits' | 'due';

interface Work {
  readonly now: string;
  readonly work: boolean;
  /** Gains the entries of records that the clock is not past the revision of. */
  readonly waiting: Set<string>;
}

async function compactAll(
  context: Context,
  due: readonly Due[],
  { now, work, waiting }: Work,
): Promise<readonly Answer[]> {
  const byShard = Map.groupBy(due, ({ shard }) => shard);
  const answers = await Promise.all(
    [...byShard].flatMap(([shard, records]) =>
      chunks(records, SCRIPT_RECORDS_MAX).map(async (some) => {
        const call = {
          script: scripts.compact,
          keys: [shard.indexKey, shard.countsKey, ...some.map(({ entry }) => shard.keyOf(idOfEntry(entry)))],
          args: [now, work ? '1' : '0', ...some.flatMap(({ entry, dueMs }) => [entry, dueMs])],
        };
        const found = (await context.router.run(shard.slot, call)) as readonly Buffer[];
        const answers = found.map((answer) => answer.toString() as Answer);
        for (const [at, { entry }] of some.entries()) if (answers[at] === 'waits') waiting.add(entry);
        return answers;
      }),
    ),
  );
  return answers.flat();
}
