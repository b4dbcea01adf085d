// Compaction: a loop in every server, of which one at a time acts. Small batches with pauses measured by what they took, so
// that callers hardly notice; keeps no place, so it may stop anywhere.

import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { durationMs, type DurationMs, type Namespace, type Store } from '../storage/contract/index.ts';
import type { Archive } from './archive.ts';
import { limits } from './limits.ts';
import { pause, rest } from './pause.ts';

export interface CompactionProgress {
  readonly resultsDropped: number;
  readonly recordsRemoved: number;
  /** How long the oldest work left has been due. */
  readonly lagMs: DurationMs;
}

export interface Compaction {
  /** Works until nothing is due, `limit` records were touched, or the signal fires. */
  run(options: { readonly limit: number; readonly signal?: AbortSignal | undefined }): Promise<CompactionProgress>;
  /** What has been done since the start, for the figures. */
  progress(): CompactionProgress;
  start(): void;
  stop(): Promise<void>;
}

export interface CompactionOptions {
  readonly store: Store;
  readonly log: Logger;
  /** Namespaces whose records must not go before they are archived. */
  readonly archived: () => Promise<readonly Namespace[]>;
  /** Undefined: there is no folder, and those records stay. */
  readonly archive?: Archive | undefined;
  /** For tests: how often a round comes, and after how long an unheard leader is replaced. */
  readonly intervalMs?: number;
  readonly termMs?: number;
}

const LEADER = { collection: 'leader', name: 'compaction' };

export function createCompaction(options: CompactionOptions): Compaction {
  const { store, log, archived, archive } = options;
  const { intervalMs = limits.compactionIntervalMs, termMs = limits.compactionTermMs } = options;
  const serverId = randomUUID();
  const stopping = new AbortController();
  let totals: CompactionProgress = { resultsDropped: 0, recordsRemoved: 0, lagMs: durationMs(0) };
  let seen: { readonly revision: number; readonly sinceMs: number } | undefined;
  let loop: Promise<void> = Promise.resolve();

  /**
   * True when this server is the one to act. The leader writes its entry each round; whoever sees the same revision for
   * a whole term takes over. Only own monotonic clocks are used, so that no server's skew matters; two that act at
   * once do no harm, since each deletion carries its own condition.
   */
  const lead = async (): Promise<boolean> => {
    const entry = await store.registry.get(LEADER);
    const isMine = entry?.value === serverId;
    if (entry !== undefined && !isMine) {
      if (seen?.revision !== entry.revision) seen = { revision: entry.revision, sinceMs: performance.now() };
      if (performance.now() - seen.sinceMs < termMs) return false;
    }
    const put = { ...LEADER, value: serverId, expectedRevision: entry?.revision ?? 0 };
    return (await store.registry.put(put)) !== undefined;
  };

  const runArchive = async (limit: number, signal: AbortSignal | undefined): Promise<number> => {
    const namespaces = await archived();
    if (namespaces.length === 0) return 0;
    if (archive === undefined) log.warn({ namespaces }, 'no archive_folder: records of these namespaces are kept');
    return (await archive?.run(namespaces, { limit, signal })) ?? 0;
  };

  const run: Compaction['run'] = async ({ limit, signal }) => {
    const recordsRemoved = await runArchive(limit, signal);
    let done: CompactionProgress = { resultsDropped: 0, recordsRemoved, lagMs: durationMs(0) };
    totals = add(totals, done);
    let left = limit - recordsRemoved;
    const isStopped = (): boolean => signal?.aborted === true;
    while (left > 0 && !isStopped()) {
      const startMs = performance.now();
      const { msMax, times } = paceOf(done.lagMs);
      const batch = await store.compact({
        limit: Math.min(left, limits.compactionBatchMax),
        msMax,
        exceptNamespaces: await archived(),
      });
      const touched = batch.resultsDropped + batch.recordsRemoved;
      left -= touched;
      done = add(done, batch);
      totals = add(totals, batch);
      if (!batch.more || touched === 0) break;
      await rest({ startMs, times, msMin: limits.removalRestMsMin, signal });
    }
    return done;
  };

  const rounds = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await pause(intervalMs * (0.75 + Math.random() / 2), stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        if (await lead()) await run({ limit: Infinity, signal: stopping.signal });
      } catch (error) {
        log.warn({ err: error }, 'compaction stopped early; it goes on in the next round');
      }
    }
  };

  return {
    run,
    progress: () => totals,
    start() {
      loop = rounds();
    },
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

/**
 * A twenty-fifth of the time goes into it while records stay little longer than they must; the longer they do, the longer the
 * batches and the shorter the rests, up to half of it: removing must not fall behind what comes due for ever.
 */
function paceOf(lagMs: number): { readonly msMax: number; readonly times: number } {
  const { compactionLagMsCalm: calmMs, compactionLagMsMax: maxMs } = limits;
  const hurry = Math.min(1, Math.max(0, (lagMs - calmMs) / (maxMs - calmMs)));
  const between = (calm: number, hurried: number): number => calm + (hurried - calm) * hurry;
  return {
    msMax: between(limits.compactionBatchMs, limits.compactionBatchMsMax),
    times: between(limits.compactionRest, limits.compactionRestMin),
  };
}

const add = (before: CompactionProgress, batch: CompactionProgress): CompactionProgress => ({
  resultsDropped: before.resultsDropped + batch.resultsDropped,
  recordsRemoved: before.recordsRemoved + batch.recordsRemoved,
  lagMs: batch.lagMs,
});
