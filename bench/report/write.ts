// What is left of a run: one JSON file with everything, one Markdown table, one chart, and the table on the terminal.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskProbe } from '../harness/disk.ts';
import type { Options } from '../options.ts';
import type { Missing } from '../run.ts';
import { chartOf } from './chart.ts';
import type { Environment } from './environment.ts';
import type { Ratio } from './ratios.ts';
import type { Row } from './summary.ts';
import { markdownOf, terminalTables } from './tables.ts';

export interface Report {
  readonly environment: Environment;
  readonly options: Options;
  readonly minutes: number;
  readonly disk: DiskProbe;
  readonly subjects: readonly { readonly name: string; readonly version: string; readonly durability: string }[];
  readonly missing: readonly Missing[];
  readonly ratios: readonly Ratio[];
  readonly rows: readonly Row[];
  readonly extras: readonly ExtraTable[];
}

/** What a scenario measured besides rates: sizes, start-up times, what compaction did. */
export interface ExtraTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export async function writeReport(report: Report, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { date, commit } = report.environment;
  const base = join(folder, `${date.slice(0, 10)}-${commit}`);
  await writeFile(`${base}.json`, `${JSON.stringify(report, rounded, 2)}\n`);
  await writeFile(`${base}.md`, markdownOf(report));
  const chart = chartOf(report);
  if (chart !== undefined) await writeFile(`${base}.svg`, chart);
  process.stdout.write(
    `\n${terminalTables(report)}\nWritten: ${base}.json, .md${chart === undefined ? '' : ', .svg'}\n`,
  );
}

const rounded = (_name: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
