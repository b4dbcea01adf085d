// AdminService: figures, compaction on demand.

import { create } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  GetStatsResponseSchema,
  LatencyBucketSchema,
  RunCompactionResponseSchema,
  type GetStatsRequest,
  type GetStatsResponse,
  type RunCompactionRequest,
  type RunCompactionResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import {
  epochMs,
  orphanOf,
  type EpochMs,
  type Namespace,
  type Store,
  type StoreStats,
} from '../../storage/contract/index.ts';
import type { Bucket, CounterFigure } from '../figures.ts';
import { fractional, instant } from '../messages.ts';
import type { CallContext, Engine } from '../context.ts';
import { OTHER } from '../namespace-labels.ts';
import { recordPages } from '../record-pages.ts';
import { readReason, Violations } from '../validate.ts';
import { conflictMessage, findConflicts } from './conflicts.ts';

const START_MS = Date.now();
/** Figures without a namespace that tell of what is kept for others. */
const OF_ALL_NAMESPACES: ReadonlySet<string> = new Set(['onced_orphans', 'onced_oldest_orphan_seconds']);
const CONFLICTS_SHOWN_MAX = 100;
const ORPHANS_PAGE = 1000;
const ORPHANS_COUNTED_MAX = 10_000;

export async function getStats(engine: Engine, request: GetStatsRequest, call: CallContext): Promise<GetStatsResponse> {
  const { store, metrics } = engine;
  const stats = await store.stats();
  const isHealthy = await store.ping().then(
    () => true,
    () => false,
  );
  const isOfRequest = (namespace: string): boolean => request.namespace === '' || namespace === request.namespace;
  const isVisible = (namespace: string): boolean =>
    request.namespace === '' ? call.principal.may('stats', namespace) : namespace === request.namespace;
  const groups = stats.groups.filter(({ namespace }) => isVisible(namespace));
  const maySeeAll = call.principal.may('stats', undefined);
  const orphans =
    maySeeAll && request.namespace === '' ? stats : await countOrphans(store, request.namespace, isVisible);
  const figures = await metrics.figures();
  const isShown = ({ name, labels }: Pick<CounterFigure, 'name' | 'labels'>): boolean => {
    const { namespace } = labels;
    if (namespace === undefined) return maySeeAll || !OF_ALL_NAMESPACES.has(name);
    // Where the rest is counted together, it is also that of others.
    return namespace === OTHER ? maySeeAll && request.namespace === '' : isVisible(namespace);
  };
  const { conflicts } = await findConflicts(store.registry, {
    after: '',
    limit: CONFLICTS_SHOWN_MAX,
    isShown: ({ namespace }) => isOfRequest(namespace) && call.principal.may('list', namespace),
  });
  return create(GetStatsResponseSchema, {
    records: groups.map(({ namespace, state, records, bytes }) => ({
      namespace,
      state: IntentState[state],
      records: BigInt(records),
      bytes: BigInt(bytes),
    })),
    orphans: BigInt(orphans.orphans),
    storeBytes: BigInt(stats.storeBytes ?? 0),
    counters: figures.counters.filter(isShown).map((counter) => ({ ...counter })),
    latencies: figures.latencies.filter(isShown).map(({ p50Ms, p95Ms, p99Ms, count, buckets, ...named }) => ({
      ...named,
      count: BigInt(count),
      p50: fractional(p50Ms),
      p95: fractional(p95Ms),
      p99: fractional(p99Ms),
      buckets: buckets.map(bucketMessage),
    })),
    serverTime: instant(stats.nowMs),
    startTime: timestampFromMs(START_MS),
    store: store.description.kind,
    tier: store.description.tier,
    storeHealthy: isHealthy,
    degradedConflicts: conflicts.map(conflictMessage),
    journalRows: BigInt(engine.outage.kept()),
    ...(orphans.oldestOrphanMs === undefined ? {} : { oldestOrphanTime: instant(orphans.oldestOrphanMs) }),
  });
}

type OrphanCount = Pick<StoreStats, 'orphans' | 'oldestOrphanMs'>;

/** What a store counts by itself is of all namespaces; a share of it is counted out, up to ORPHANS_COUNTED_MAX. */
async function countOrphans(
  store: Store,
  namespace: string,
  isVisible: (namespace: string) => boolean,
): Promise<OrphanCount> {
  const filter = { orphanedOnly: true, ...(namespace === '' ? {} : { namespace: namespace as Namespace }) };
  const since: EpochMs[] = [];
  for await (const { records, nowMs } of recordPages(store, filter, { limit: ORPHANS_PAGE })) {
    for (const record of records) {
      const orphan = isVisible(record.namespace) ? orphanOf(record, nowMs) : undefined;
      if (orphan !== undefined) since.push(orphan.sinceMs);
    }
    if (since.length >= ORPHANS_COUNTED_MAX) break;
  }
  return { orphans: since.length, oldestOrphanMs: since.length === 0 ? undefined : epochMs(Math.min(...since)) };
}

const bucketMessage = ({ upToSeconds, count }: Bucket) =>
  create(LatencyBucketSchema, {
    count: BigInt(count),
    ...(Number.isFinite(upToSeconds) ? { upTo: fractional(upToSeconds * 1000) } : {}),
  });

export async function runCompaction(
  engine: Engine,
  request: RunCompactionRequest,
  call: CallContext,
): Promise<RunCompactionResponse> {
  const violations = new Violations();
  const reason = readReason(request.reason, violations);
  violations.check();
  const limit = request.limit === 0n ? Infinity : Number(request.limit);
  const change = {
    action: 'RunCompaction',
    target: '',
    namespace: '',
    reason,
    before: { limit: String(request.limit) },
  };
  const done = await engine.audit.around(call, change, async () => {
    const progress = await engine.compaction.run({ limit, signal: call.signal });
    return { value: progress, after: progress };
  });
  return create(RunCompactionResponseSchema, {
    resultsDropped: BigInt(done.resultsDropped),
    recordsRemoved: BigInt(done.recordsRemoved),
    lag: durationFromMs(done.lagMs),
  });
}
