// The same rows as a table on the terminal and in Markdown.

import Table from 'cli-table3';
import type { Load } from '../harness/window.ts';
import type { Ratio } from './ratios.ts';
import { spreadOf, type Row, type Spread } from './summary.ts';
import type { Report } from './write.ts';

const HEAD = [
  '',
  'load',
  'operations/s (min..max)',
  'p50 ms',
  'p99 ms',
  'server µs/op',
  'client µs/op',
  'server MB',
  'errors',
];
const RATIO_HEAD = ['ratio, from this run', 'value', 'goal', ''];

export function terminalTables(report: Report): string {
  const sections = scenariosOf(report).map(([title, rows]) => `${title}\n${grid(HEAD, rows.map(cellsOf))}`);
  const extras = report.extras.map(
    ({ title, head, rows }) =>
      `${title}\n${grid(
        [...head],
        rows.map((row) => row.map(cellText)),
      )}`,
  );
  const ratios = report.ratios.length === 0 ? [] : [grid(RATIO_HEAD, report.ratios.map(ratioCells))];
  return [factsOf(report).join('\n'), ...sections, ...extras, ...ratios].join('\n\n');
}

export function markdownOf(report: Report): string {
  const sections = scenariosOf(report).map(
    ([title, rows]) => `## ${title}\n\n${markdownTable(HEAD, rows.map(cellsOf))}`,
  );
  const ratios =
    report.ratios.length === 0 ? [] : [`## Ratios\n\n${markdownTable(RATIO_HEAD, report.ratios.map(ratioCells))}`];
  const extras = report.extras.map(
    ({ title, head, rows }) =>
      `## ${title}\n\n${markdownTable(
        [...head],
        rows.map((row) => row.map(cellText)),
      )}`,
  );
  const facts = factsOf(report).map((fact) => `- ${fact}`);
  return `${[`# Benchmark of ${report.environment.date.slice(0, 10)}`, facts.join('\n'), ...ratios, ...sections, ...extras].join('\n\n')}\n`;
}

function factsOf({ environment, disk, subjects, missing, options, minutes, rows }: Report): string[] {
  const packages = Object.entries(environment.packages).map(([name, version]) => `${name} ${version}`);
  return [
    `commit ${environment.commit}${environment.isDirty ? ' with changes' : ''}, ${environment.date}, ${minutes.toFixed(1)} minutes`,
    `${environment.cores} cores of ${environment.machine}, ${environment.memoryGiB} GiB, Linux ${environment.kernel}, ${environment.fileSystem}`,
    `Node ${environment.node}, ${packages.join(', ')}, nice ${environment.priority}`,
    `disk, 4 KiB write + fdatasync: p50 ${figure(disk.p50Ms)} ms, p99 ${figure(disk.p99Ms)} ms`,
    `cores taken by other work on the machine: median ${figure(spreadOf(rows.map(({ otherCores }) => otherCores.median)).median)}, most ${figure(Math.max(0, ...rows.map(({ otherCores }) => otherCores.max)))}`,
    `${options.records.toLocaleString('en')} records there before (etcd and Restate start empty), random keys, ${options.rounds} interleaved rounds, medians`,
    ...subjects.map(({ name, version, durability }) => `${name}: ${version}; acknowledged means ${durability}`),
    ...missing.map(({ subject, reason }) => `MISSING ${subject}: ${reason.split('\n', 1)[0]}`),
  ];
}

function scenariosOf({ rows }: Report): [string, Row[]][] {
  return [...Map.groupBy(rows, (row) => row.scenario)];
}

function cellsOf(row: Row): string[] {
  const { perSecond, calls } = row;
  const perCall = calls === 1 ? '' : ` (${figure(row.serverCpuUs.median / calls)} a call)`;
  return [
    row.title,
    `${row.work.name}${bytesOf(row)}, ${loadOf(row.load)}`,
    `${figure(perSecond.median)} (${figure(perSecond.min)}..${figure(perSecond.max)})`,
    ranged(row.p50Ms),
    ranged(row.p99Ms),
    `${figure(row.serverCpuUs.median)}${perCall}`,
    figure(row.clientCpuUs.median),
    figure(row.serverMemoryBytes.max / 1e6),
    row.errors + row.dropped === 0 ? '' : `${row.errors}, ${row.dropped} dropped: ${row.firstError ?? ''}`,
  ];
}

const bytesOf = ({ work }: Row): string =>
  work.resultBytes >= 1024 ? ` ${work.resultBytes / 1024} KiB` : work.name === 'replay' ? ` ${work.resultBytes} B` : '';

const loadOf = (load: Load): string =>
  load.kind === 'closed' ? `${load.inFlight} in flight` : `${load.perSecond}/s arrive`;

const ratioCells = ({ name, value, unit, goal, isMet }: Ratio): string[] => [
  name,
  `${figure(value)}${unit === '' ? '' : ` ${unit}`}`,
  goal,
  goal === '' ? '' : isMet ? 'met' : 'NOT met',
];

const ranged = ({ median, min, max }: Spread): string => `${figure(median)} (${figure(min)}..${figure(max)})`;

/** Three digits are more than the noise of any machine allows. */
export function figure(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(Number(value.toPrecision(3))).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

const cellText = (cell: string | number): string => (typeof cell === 'number' ? figure(cell) : cell);

function grid(head: string[], rows: string[][]): string {
  const table = new Table({ head, style: { head: [], border: [] } });
  table.push(...rows);
  return table.toString();
}

const markdownTable = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
