// The chart: one bar a subject, fresh keys at 64 in flight, with the spread over the rounds as a thin line.

import { figure } from './tables.ts';
import type { Row } from './summary.ts';
import type { Report } from './write.ts';

const WIDTH = 900;
const LABEL_WIDTH = 300;
const FIGURE_WIDTH = 90;
const BAR_HEIGHT = 22;
const ROW_HEIGHT = 32;
const TOP = 64;
const BOTTOM = 40;
const OURS = '#2563eb';
const THEIRS = '#94a3b8';

/** Undefined when the scenario was not run. */
export function chartOf(report: Report): string | undefined {
  const rows = report.rows
    .filter(({ scenario }) => scenario === 'fresh')
    .sort((a, b) => b.perSecond.median - a.perSecond.median);
  if (rows.length === 0) return undefined;
  const most = Math.max(...rows.map(({ perSecond }) => perSecond.max));
  const height = TOP + rows.length * ROW_HEIGHT + BOTTOM;
  const { commit, date, cores } = report.environment;
  const note = `median and spread of ${rows[0]?.rounds ?? 0} interleaved rounds on ${cores} cores, commit ${commit}, ${date.slice(0, 10)}; disk fsync p50 ${figure(report.disk.p50Ms)} ms`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img">`,
    `<title>Fresh keys a second, begin and complete, 64 in flight</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="28" font-size="17" font-weight="600" fill="#0f172a">Fresh keys a second: begin + complete, 64 in flight</text>`,
    `<text x="16" y="48" fill="#475569">more is better; the no-op echoes store nothing</text>`,
    ...rows.map((row, index) => barOf(row, { top: TOP + index * ROW_HEIGHT, most })),
    `<text x="16" y="${height - 14}" fill="#64748b" font-size="11">${escaped(note)}</text>`,
    `</svg>\n`,
  ].join('\n');
}

function barOf({ title, subject, perSecond }: Row, { top, most }: { top: number; most: number }): string {
  const scale = (WIDTH - LABEL_WIDTH - FIGURE_WIDTH) / most;
  const at = (value: number): string => (LABEL_WIDTH + value * scale).toFixed(1);
  const middle = top + BAR_HEIGHT / 2;
  return [
    `<text x="${LABEL_WIDTH - 10}" y="${middle + 5}" text-anchor="end" fill="#0f172a">${escaped(title)}</text>`,
    `<rect x="${LABEL_WIDTH}" y="${top}" width="${(perSecond.median * scale).toFixed(1)}" height="${BAR_HEIGHT}" rx="2" fill="${subject.startsWith('onced') ? OURS : THEIRS}"/>`,
    `<line x1="${at(perSecond.min)}" x2="${at(perSecond.max)}" y1="${middle}" y2="${middle}" stroke="#0f172a" stroke-width="1.5"/>`,
    `<text x="${Number(at(perSecond.max)) + 8}" y="${middle + 5}" fill="#0f172a">${figure(perSecond.median)}</text>`,
  ].join('');
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
