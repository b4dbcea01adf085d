// Each worker keeps a journal of its own: SQLite lets one process at a file.

import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { limits } from '../limits.ts';

/** The first has the path as it stands, so that more or fewer workers find what was kept: `journal.db`, `journal-2.db`. */
export function journalPath(path: string, number = 1): string {
  if (number === 1) return path;
  const extension = extname(path);
  return `${path.slice(0, path.length - extension.length)}-${number}${extension}`;
}

/** Those that an earlier run with more workers left behind; the first worker writes what is in them. */
export function leftJournals(path: string, worker: { readonly number: number; readonly count: number } | undefined) {
  const { number, count } = worker ?? { number: 1, count: 1 };
  if (number !== 1) return [];
  const numbers = Array.from({ length: limits.workersMax - count }, (_, index) => count + 1 + index);
  return numbers.map((left) => journalPath(path, left)).filter((left) => existsSync(left));
}
