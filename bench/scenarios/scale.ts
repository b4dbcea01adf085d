// Does an operation cost more when more records are there? Servers on small, large and very large files, in turn.

import type { Work } from '../drivers/driver.ts';
import type { Load, WindowResult } from '../harness/window.ts';
import type { Progress } from '../report/progress.ts';
import type { ExtraTable } from '../report/write.ts';
import type { CellResult } from '../run.ts';
import { epochMs } from '../../storage/contract/index.ts';
import { startOwn, type OwnServer } from './own-server.ts';

export interface Outcome {
  readonly cells: readonly CellResult[];
  readonly extra: ExtraTable;
}

const LOAD: Load = { kind: 'closed', inFlight: 64 };
const DAY_MS = 86_400_000;

export async function runScale(options: { rounds: number; tenMillion: boolean; progress: Progress }): Promise<Outcome> {
  const sizes = [10_000, 1_000_000, ...(options.tenMillion ? [10_000_000] : [])];
  const servers: OwnServer[] = [];
  try {
    for (const records of sizes) {
      options.progress.step(`scale: filling ${records.toLocaleString('en')} records`);
      servers.push(await startOwn({ records, purgeMs: epochMs(Date.now() + DAY_MS) }));
    }
    return { cells: await inTurn(servers, sizes, options), extra: sizesOf(servers, sizes) };
  } finally {
    for (const server of servers) await server.stop();
  }
}

/** Replays change nothing; fresh keys add to each file alike, which leaves the small one small beside the others. */
async function inTurn(
  servers: readonly OwnServer[],
  sizes: readonly number[],
  { rounds, progress }: { rounds: number; progress: Progress },
): Promise<CellResult[]> {
  const results = servers.flatMap((server, index) => {
    const works: Work[] = [
      { name: 'replay', resultBytes: 32, records: sizes[index] ?? 0 },
      { name: 'intent', resultBytes: 32 },
    ];
    return works.map((work) => ({
      server,
      scenario: 'scale',
      cell: { subject: server.subject, work, load: LOAD },
      rounds: [] as WindowResult[],
    }));
  });
  for (let round = 1; round <= rounds; round += 1) {
    for (const { server, cell, rounds: taken } of results) {
      progress.step(`scale ${round}/${rounds} ${cell.subject.title}, ${cell.work.name}`);
      taken.push(await server.window(cell.work, cell.load));
    }
  }
  return results;
}

const sizesOf = (servers: readonly OwnServer[], sizes: readonly number[]): ExtraTable => ({
  title: 'What records cost, SQLite (32 B result, 40 B key; server with a warm page cache)',
  head: ['records', 'file MB', 'bytes a record on disk', 'start-up ms', 'server MB after start'],
  rows: servers.map(({ fileBytes, startMs, memoryBytes }, index) => {
    const records = sizes[index] ?? 1;
    return [records, fileBytes / 1e6, fileBytes / records, startMs, memoryBytes / 1e6];
  }),
});
