// Rows for people and, with --json, for programs.

import Table from 'cli-table3';
import { printable } from '../server/printable.ts';

/** Plain characters and no colour: it is pasted into tickets and read by grep. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const made = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    chars: { ...NO_LINES, mid: '', 'mid-mid': '', middle: ' ' },
  });
  made.push(...rows.map((row) => row.map(printable)));
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const NO_LINES = Object.fromEntries(
  ['top', 'bottom', 'left', 'right']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .map((name) => [name, '']),
);
