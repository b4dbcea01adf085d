// The run from end to end: probe the disk, run each scenario, write what came of it, leave nothing behind.

import { installPeers } from './harness/install.ts';
import { probeDisk, type DiskProbe } from './harness/disk.ts';
import type { Options } from './options.ts';
import { blockOf } from './plan.ts';
import { createProgress, type Progress } from './report/progress.ts';
import { readEnvironment } from './report/environment.ts';
import { ratiosOf } from './report/ratios.ts';
import { spreadOf, summarise, type Row } from './report/summary.ts';
import { writeReport, type ExtraTable, type Report } from './report/write.ts';
import { createBench } from './run.ts';
import { runCompactionScenario } from './scenarios/compaction.ts';
import { runPurgeScenario } from './scenarios/purge.ts';
import { runScale, type Outcome } from './scenarios/scale.ts';

export async function runBenchmark(options: Options): Promise<void> {
  const blocks = options.scenarios.flatMap((name) => blockOf(name, options) ?? []);
  if (blocks.some(({ cells }) => cells.some(({ subject }) => NEEDS_PACKAGES.has(subject.driver)))) installPeers();
  const progress = createProgress(blocks.reduce((sum, block) => sum + block.cells.length * block.rounds, 0));
  const bench = createBench({ records: options.records, progress });
  const stopEarly = (): void => void bench.stop().finally(() => process.exit(130));
  process.once('SIGINT', stopEarly).once('SIGTERM', stopEarly);

  const rows: Row[] = [];
  const extras: ExtraTable[] = [];
  const probes: DiskProbe[] = [];
  const startMs = performance.now();
  try {
    for (const block of blocks) {
      probes.push(await probeDisk());
      rows.push(...(await bench.run(block)).map(summarise));
    }
    for (const { cells, extra } of await ownScenarios(options, progress)) {
      rows.push(...cells.map(summarise));
      extras.push(extra);
    }
    probes.push(await probeDisk());
    const disk = medianProbe(probes);
    const report: Report = {
      environment: readEnvironment(),
      options,
      minutes: (performance.now() - startMs) / 60_000,
      disk,
      subjects: [...bench.servers].map(([name, { version, durability }]) => ({ name, version, durability })),
      missing: bench.missing,
      ratios: ratiosOf(rows, { store: options.store, disk }),
      rows,
      extras,
    };
    await writeReport(report, options.output);
  } finally {
    await bench.stop();
  }
}

const NEEDS_PACKAGES = new Set(['etcd', 'restate', 'powertools']);

/** The scenarios that start servers of their own, on the SQLite store. */
async function ownScenarios(options: Options, progress: Progress): Promise<Outcome[]> {
  const { scenarios, rounds, tenMillion, dueRecords } = options;
  const outcomes: Outcome[] = [];
  if (scenarios.includes('scale')) outcomes.push(await runScale({ rounds, tenMillion, progress }));
  if (scenarios.includes('compaction')) outcomes.push(await runCompactionScenario(dueRecords, progress));
  if (scenarios.includes('purge')) outcomes.push(await runPurgeScenario(dueRecords, progress));
  return outcomes;
}

/** Probes are spread over the run: the median of each figure. */
function medianProbe(probes: readonly DiskProbe[]): DiskProbe {
  const median = (meter: 'p50Ms' | 'p99Ms' | 'maxMs'): number => spreadOf(probes.map((probe) => probe[meter])).median;
  return {
    writes: probes.reduce((sum, probe) => sum + probe.writes, 0),
    p50Ms: median('p50Ms'),
    p99Ms: median('p99Ms'),
    maxMs: median('maxMs'),
  };
}
