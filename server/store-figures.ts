// What the store holds, as figures: asked for at a scrape, since only the store knows. Servers of one store all tell the
// same; whoever adds them up counts it several times, so take the largest.

import { Counter, Gauge, type Registry } from 'prom-client';
import { STORED_STATES, type StoreStats } from '../storage/contract/index.ts';
import type { CompactionProgress } from './compaction.ts';
import { limits } from './limits.ts';

export interface StoreSources {
  readonly stats: () => Promise<StoreStats>;
  readonly compaction: () => CompactionProgress;
  readonly journalRows: () => number;
}

export interface StoreFigures {
  /** Where a scrape finds what the store holds. */
  readStore(sources: StoreSources): void;
}

export function addStoreFigures(registry: Registry, labelOf: (namespace: string) => string): StoreFigures {
  let sources: StoreSources | undefined;
  const registers = [registry];
  const names = ['namespace', 'state'];
  const aggregator = 'max';
  const fill = async (): Promise<void> => {
    for (const gauge of [records, bytes, orphans, oldest]) gauge.reset();
    if (sources === undefined) return;
    const stats = await within(limits.statsScrapeMsMax, sources.stats).catch(() => undefined);
    // A store that does not answer leaves gaps, not figures of before.
    if (stats === undefined) return;
    for (const { namespace, state, records: count, bytes: size } of stats.groups) {
      const labels = { namespace: labelOf(namespace), state };
      records.inc(labels, count);
      bytes.inc(labels, size);
    }
    orphans.set(stats.orphans);
    oldest.set(stats.oldestOrphanMs === undefined ? 0 : Math.max(0, stats.nowMs - stats.oldestOrphanMs) / 1000);
  };
  // prom-client collects all figures at once: the store is asked for all of these together.
  let filling: Promise<void> | undefined;
  const collect = async (): Promise<void> => (filling ??= fill().finally(() => (filling = undefined)));
  const records = new Gauge({
    name: 'onced_records',
    help: `Records in the store, by namespace and state: ${STORED_STATES.join(', ')}.`,
    labelNames: names,
    registers,
    aggregator,
    collect,
  });
  const bytes = new Gauge({
    name: 'onced_record_bytes',
    help: 'Bytes of payload in the store, by namespace and state.',
    labelNames: names,
    registers,
    aggregator,
    collect,
  });
  const orphans = new Gauge({
    name: 'onced_orphans',
    help: 'Keys of which nobody knows whether their side effect happened.',
    registers,
    aggregator,
    collect,
  });
  const oldest = new Gauge({
    name: 'onced_oldest_orphan_seconds',
    help: 'For how long the oldest orphan has been one; 0 without orphans.',
    registers,
    aggregator,
    collect,
  });
  addCompaction(registry, () => sources?.compaction());
  const journal: Gauge = new Gauge({
    name: 'onced_journal_rows',
    help: 'Rows of the outage journal that wait for the store.',
    registers,
    collect: () => journal.set(sources?.journalRows() ?? 0),
  });
  return { readStore: (from) => void (sources = from) };
}

function addCompaction(registry: Registry, read: () => CompactionProgress | undefined): void {
  const counter = (name: string, help: string, valueOf: (progress: CompactionProgress) => number): void => {
    const collect = (): void => {
      const progress = read();
      made.reset();
      if (progress !== undefined) made.inc(valueOf(progress));
    };
    const made: Counter = new Counter({ name, help, registers: [registry], collect });
  };
  counter('onced_compaction_results_dropped_total', 'Results dropped by this server.', (done) => done.resultsDropped);
  counter('onced_compaction_records_removed_total', 'Records removed by this server.', (done) => done.recordsRemoved);
  const lag: Gauge = new Gauge({
    name: 'onced_compaction_lag_seconds',
    help: 'How long the oldest work left by the last round had been due.',
    registers: [registry],
    aggregator: 'max',
    collect: () => lag.set((read()?.lagMs ?? 0) / 1000),
  });
}

async function within<T>(ms: number, ask: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('late')), ms);
  });
  return Promise.race([ask(), late]).finally(() => clearTimeout(timer));
}
