// The slow verbs' answers: compaction and counts.

import {
  durationMs,
  epochMs,
  type CompactResult,
  type Namespace,
  type StoredState,
  type StoreStats,
} from '../contract/index.ts';
import type { Row } from './rows.ts';

/** From the one row of sql/compact.sql. */
export function compactResultOf(row: Row | undefined): CompactResult {
  const [nowMs, resultsDropped, recordsRemoved, oldestDueMs] = row ?? [];
  const isMore = typeof oldestDueMs === 'string';
  return {
    nowMs: epochMs(Number(nowMs)),
    resultsDropped: Number(resultsDropped),
    recordsRemoved: Number(recordsRemoved),
    more: isMore,
    lagMs: durationMs(isMore ? Number(nowMs) - Number(oldestDueMs) : 0),
  };
}

/** From the rows of sql/stats.sql, of which there is at least one. */
export function statsOf(rows: readonly Row[]): StoreStats {
  const [nowMs, orphans, oldestOrphanMs, storeBytes] = rows[0] ?? [];
  return {
    nowMs: epochMs(Number(nowMs)),
    groups: rows.flatMap((row) =>
      typeof row[4] !== 'string'
        ? []
        : [
            {
              namespace: row[4] as Namespace,
              state: row[5] as StoredState,
              records: Number(row[6]),
              bytes: Number(row[7]),
            },
          ],
    ),
    orphans: Number(orphans),
    oldestOrphanMs: typeof oldestOrphanMs === 'string' ? epochMs(Number(oldestOrphanMs)) : undefined,
    storeBytes: Number(storeBytes),
  };
}
