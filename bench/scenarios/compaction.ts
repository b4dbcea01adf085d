// Records, by default a million, become due while traffic runs: how much later do answers come than before?

import Sqlite from 'better-sqlite3';
import { epochMs } from '../../storage/contract/index.ts';
import type { Work } from '../drivers/driver.ts';
import type { Load, WindowResult } from '../harness/window.ts';
import type { Progress } from '../report/progress.ts';
import type { Filling } from './fill-store.ts';
import { startOwn, type OwnServer } from './own-server.ts';
import type { Outcome } from './scale.ts';

const WORK: Work = { name: 'intent', resultBytes: 32 };
/** Below what the server can do, so that waiting shows and not the limit. */
const LOAD: Load = { kind: 'open', perSecond: 2000 };
const WINDOWS_BEFORE = 5;
/** Ten minutes; a million take about five. */
const WINDOWS_DURING_MAX = 300;
/** Filling a million takes less than this, and the windows before come after it. */
const FILLING_MS = 100_000;
const FILLING_MS_MIN = 40_000;
/** The server looks for due records every ten seconds or so. */
const BEGIN_MS_MAX = 60_000;

export async function runCompactionScenario(records: number, progress: Progress): Promise<Outcome> {
  const fillingMs = Math.max(FILLING_MS_MIN, (FILLING_MS * records) / 1_000_000);
  const purgeMs = epochMs(Date.now() + fillingMs);
  progress.step(`compaction: filling ${records.toLocaleString('en')} records`);
  const server = await startOwn({ records, purgeMs });
  try {
    const before: WindowResult[] = [];
    while (before.length < WINDOWS_BEFORE) {
      progress.step(`compaction: before, ${before.length + 1}/${WINDOWS_BEFORE}`);
      before.push(await server.load.run(WORK, { load: LOAD, serverPids: [], warmUpMs: 500, windowMs: 2000 }));
    }
    if (Date.now() >= purgeMs) throw new Error('records were due before the windows before were taken');
    const { during, seconds, removed } = await watchCompaction(server, { records, purgeMs }, progress);
    return {
      cells: [
        { scenario: 'compaction', cell: cellOf(server, 'before'), rounds: before },
        { scenario: 'compaction', cell: cellOf(server, 'during'), rounds: during },
      ],
      extra: {
        title: 'Compaction while traffic runs, SQLite',
        head: ['records removed', 'seconds', 'removed a second', 'windows before', 'windows during'],
        rows: [[removed, seconds, removed / seconds, before.length, during.length]],
      },
    };
  } finally {
    await server.stop();
  }
}

async function watchCompaction(
  server: OwnServer,
  { records, purgeMs }: Omit<Filling, 'path'>,
  progress: Progress,
): Promise<{ during: WindowResult[]; seconds: number; removed: number }> {
  const database = new Sqlite(server.path, { readonly: true });
  // Due records that are still there; counted on the index of due times, in which they are the first.
  const left = database.prepare<[number], number>('select count(*) from records where due_ms <= ?').pluck();
  const count = (): number => left.get(purgeMs) ?? 0;
  try {
    const untilMs = purgeMs + BEGIN_MS_MAX;
    while (count() === records) {
      if (Date.now() > untilMs) throw new Error('compaction did not begin');
      progress.step('compaction: waiting for records to become due');
      await server.load.run(WORK, { load: LOAD, serverPids: [], warmUpMs: 0, windowMs: 500 });
    }
    const startMs = performance.now();
    const first = count();
    const during: WindowResult[] = [];
    let now = first;
    while (now > 0 && during.length < WINDOWS_DURING_MAX) {
      progress.step(`compaction: during, ${now.toLocaleString('en')} records left`);
      during.push(await server.load.run(WORK, { load: LOAD, serverPids: [], warmUpMs: 0, windowMs: 2000 }));
      now = count();
    }
    return { during, seconds: (performance.now() - startMs) / 1000, removed: first - now };
  } finally {
    database.close();
  }
}

const cellOf = ({ subject }: OwnServer, when: 'before' | 'during') => ({
  subject: { ...subject, name: `${subject.name}-${when}`, title: `${subject.title}, ${when} compaction` },
  work: WORK,
  load: LOAD,
});
