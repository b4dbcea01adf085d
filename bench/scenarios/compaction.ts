// Records, by default a million, become due while traffic runs: how much later are begins answered than before and after?

import Sqlite from 'better-sqlite3';
import { epochMs } from '../../storage/contract/index.ts';
import type { WindowResult } from '../harness/window.ts';
import type { Progress } from '../report/progress.ts';
import { besideOutcome, besideWindow, type Beside } from './beside.ts';
import type { Filling } from './fill-store.ts';
import { startOwn, type OwnServer } from './own-server.ts';
import type { Outcome } from './scale.ts';

/** Before and after, so that a machine that changes its mood meets both. */
const WINDOWS_BEFORE = 15;
const WINDOWS_AFTER = 15;
/** Ten minutes. */
const WINDOWS_DURING_MAX = 300;
/** Filling a million and the windows before take less than this. */
const FILLING_MS = 120_000;
const FILLING_MS_MIN = 60_000;
/** The server looks for due records every ten seconds or so. */
const BEGIN_MS_MAX = 60_000;

export async function runCompactionScenario(records: number, progress: Progress): Promise<Outcome> {
  const fillingMs = Math.max(FILLING_MS_MIN, (FILLING_MS * records) / 1_000_000);
  const purgeMs = epochMs(Date.now() + fillingMs);
  progress.step(`compaction: filling ${records.toLocaleString('en')} records`);
  const server = await startOwn({ records, purgeMs });
  const windows = async (count: number, when: string): Promise<WindowResult[]> => {
    const taken: WindowResult[] = [];
    while (taken.length < count) {
      progress.step(`compaction: ${when}, ${taken.length + 1}/${count}`);
      taken.push(await besideWindow(server));
    }
    return taken;
  };
  try {
    await besideWindow(server);
    const before = await windows(WINDOWS_BEFORE, 'before');
    if (Date.now() >= purgeMs) throw new Error('records were due before the windows before were taken');
    const during = await watchCompaction(server, { records, purgeMs }, progress);
    const after = await windows(WINDOWS_AFTER, 'after');
    return besideOutcome(server, { scenario: 'compaction', without: [...before, ...after], ...during });
  } finally {
    await server.stop();
  }
}

async function watchCompaction(
  server: OwnServer,
  { records, purgeMs }: Omit<Filling, 'path'>,
  progress: Progress,
): Promise<Pick<Beside, 'beside' | 'seconds' | 'removed'>> {
  const database = new Sqlite(server.path, { readonly: true });
  // Due records that are still there; counted on the index of due times, in which they are the first.
  const left = database.prepare<[number], number>('select count(*) from records where due_ms <= ?').pluck();
  const count = (): number => left.get(purgeMs) ?? 0;
  try {
    const untilMs = purgeMs + BEGIN_MS_MAX;
    while (count() === records) {
      if (Date.now() > untilMs) throw new Error('compaction did not begin');
      progress.step('compaction: waiting for records to become due');
      await besideWindow(server);
    }
    const startMs = performance.now();
    const first = count();
    const beside: WindowResult[] = [];
    let now = first;
    while (now > 0 && beside.length < WINDOWS_DURING_MAX) {
      progress.step(`compaction: during, ${now.toLocaleString('en')} records left`);
      const window = await besideWindow(server);
      now = count();
      // The last one was not beside it to its end.
      if (now > 0) beside.push(window);
    }
    return { beside, seconds: (performance.now() - startMs) / 1000, removed: first - now };
  } finally {
    database.close();
  }
}
