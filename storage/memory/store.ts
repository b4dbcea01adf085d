// The memory store: the contract in its plainest form, and the oracle that the other stores are compared with.
// Nothing survives the process; for tests and demos only.

import {
  addMs,
  applyClaim,
  applyExtend,
  applySettle,
  durationMs,
  epochMs,
  isBehindClock,
  isExpired,
  isLive,
  orphanOf,
  StoreError,
  type CompactRequest,
  type CompactResult,
  type EpochMs,
  type ListFilter,
  type ListPage,
  type ListRequest,
  type RecordId,
  type Store,
  type StoredRecord,
  type StoreStats,
  type VerbOptions,
} from '../contract/index.ts';
import { createMemoryRegistry } from './registry.ts';

export function createMemoryStore(): Store {
  const records = new Map<string, StoredRecord>();
  const clock = monotonicClock();

  const start = (options: VerbOptions | undefined): EpochMs => {
    if (options?.signal?.aborted === true) throw new StoreError('cancelled', 'cancelled before the store was asked');
    return options?.nowMs ?? clock();
  };
  const standing = (id: RecordId): StoredRecord | undefined => records.get(nameOf(id));
  const write = (id: RecordId, record: StoredRecord | undefined): void => {
    if (record !== undefined) records.set(nameOf(id), record);
  };

  return {
    description: {
      kind: 'memory',
      acknowledged: 'nothing survives the process',
      tier: 'none',
      location: 'memory:',
    },
    registry: createMemoryRegistry(),

    async claim(request, options) {
      const nowMs = start(options);
      const before = standing(request);
      const after = applyClaim(request, before, nowMs);
      write(request, after);
      const replacedExpired = after?.attemptOrigin === 'LATE_RETRY';
      return { applied: after !== undefined, nowMs, record: after ?? before, replacedExpired };
    },

    async extend(request, options) {
      const nowMs = start(options);
      const before = standing(request);
      const after = applyExtend(request, before, nowMs);
      write(request, after);
      return { applied: after !== undefined, nowMs, record: after ?? before };
    },

    async settle(request, options) {
      const nowMs = start(options);
      const before = standing(request);
      const after = applySettle(request, before, nowMs);
      write(request, after);
      return { applied: after !== undefined, nowMs, record: after === undefined ? before : withoutResult(after) };
    },

    async read(request, options) {
      const nowMs = start(options);
      const record = standing(request);
      return { nowMs, record: record !== undefined && !request.includeResult ? withoutResult(record) : record };
    },

    async list(request, options) {
      return listPage([...records.values()], request, start(options));
    },

    async remove(request, options) {
      const nowMs = start(options);
      const record = standing(request);
      if (record === undefined || record.revision !== request.revision) return false;
      if (isLive(record, nowMs) && !request.force) return false;
      if (!isBehindClock(record, nowMs)) return false;
      return records.delete(nameOf(request));
    },

    async compact(request, options) {
      return compact(records, request, start(options));
    },

    async stats(options) {
      return countRecords([...records.values()], start(options));
    },

    async ping(options) {
      start(options);
    },

    onRemoteChange: () => () => undefined,

    async close() {
      records.clear();
    },
  };
}

// NUL cannot stand in a namespace, so no two ids share a name.
const nameOf = (id: RecordId): string => `${id.namespace}\0${id.key}`;

function monotonicClock(): () => EpochMs {
  const startMs = Date.now() - performance.now();
  return () => epochMs(Math.floor(startMs + performance.now()));
}

const withoutResult = (record: StoredRecord): StoredRecord => ({ ...record, result: undefined });

function listPage(all: readonly StoredRecord[], request: ListRequest, nowMs: EpochMs): ListPage {
  const after = request.after;
  const matching = all
    .filter((record) => matches(record, request, nowMs))
    .map((record) => ({ name: nameOf(record), record }))
    .filter(({ name }) => after === undefined || name > after)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const page = matching.slice(0, request.limit);
  const next = matching.length > page.length ? page.at(-1)?.name : undefined;
  return { nowMs, records: page.map(({ record }) => withoutResult(record)), next };
}

function matches(record: StoredRecord, filter: ListFilter, nowMs: EpochMs): boolean {
  if (filter.includeExpired !== true && isExpired(record, nowMs)) return false;
  if (filter.namespace !== undefined && record.namespace !== filter.namespace) return false;
  if (filter.states !== undefined && !filter.states.includes(record.state)) return false;
  if (filter.orphanedOnly === true && orphanOf(record, nowMs) === undefined) return false;
  if (filter.keyPrefix !== undefined && !record.key.startsWith(filter.keyPrefix)) return false;
  if (filter.owner !== undefined && record.owner !== filter.owner) return false;
  return filter.ageMsMin === undefined || addMs(record.updateMs, filter.ageMsMin) <= nowMs;
}

function compact(records: Map<string, StoredRecord>, request: CompactRequest, nowMs: EpochMs): CompactResult {
  const due = [...records]
    .filter(([, record]) => request.exceptNamespaces?.includes(record.namespace) !== true)
    .map(([name, record]) => ({ name, record, dueMs: dueOf(record, nowMs) }))
    .filter((item): item is typeof item & { dueMs: EpochMs } => item.dueMs !== undefined)
    .toSorted((a, b) => a.dueMs - b.dueMs);
  let resultsDropped = 0;
  let recordsRemoved = 0;
  for (const { name, record } of due.slice(0, request.limit)) {
    if (nowMs >= record.purgeMs) {
      records.delete(name);
      recordsRemoved += 1;
    } else {
      records.set(name, {
        ...record,
        result: undefined,
        resultDropped: true,
        resultExpireMs: epochMs(0),
        revision: record.revision + 1,
      });
      resultsDropped += 1;
    }
  }
  const oldest = due[request.limit]?.dueMs;
  return {
    nowMs,
    resultsDropped,
    recordsRemoved,
    more: oldest !== undefined,
    lagMs: durationMs(oldest === undefined ? 0 : nowMs - oldest),
  };
}

/** Since when compaction has work with this record; undefined when it has none. */
function dueOf(record: StoredRecord, nowMs: EpochMs): EpochMs | undefined {
  const { purgeMs, resultExpireMs } = record;
  if (nowMs >= purgeMs && !isBehindClock(record, nowMs)) return undefined;
  const dueMs = resultExpireMs === 0 ? purgeMs : epochMs(Math.min(purgeMs, resultExpireMs));
  return nowMs >= dueMs ? dueMs : undefined;
}

function countRecords(all: readonly StoredRecord[], nowMs: EpochMs): StoreStats {
  const groups = new Map<string, StoreStats['groups'][number]>();
  for (const record of all) {
    const name = `${record.namespace}\0${record.state}`;
    const group = groups.get(name);
    groups.set(name, {
      namespace: record.namespace,
      state: record.state,
      records: (group?.records ?? 0) + 1,
      bytes: (group?.bytes ?? 0) + (record.result?.length ?? 0) + (record.checkpoint?.length ?? 0),
    });
  }
  const orphans = all.map((record) => orphanOf(record, nowMs)).filter((orphan) => orphan !== undefined);
  const sinceMs = orphans.map((orphan) => orphan.sinceMs);
  return {
    nowMs,
    groups: [...groups.values()],
    orphans: orphans.length,
    oldestOrphanMs: sinceMs.length === 0 ? undefined : epochMs(Math.min(...sinceMs)),
    storeBytes: undefined,
  };
}
