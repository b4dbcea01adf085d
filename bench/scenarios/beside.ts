// Traffic without and with work beside it, on a server of its own: what the scenarios of compaction and purge share.

import type { Work } from '../drivers/driver.ts';
import type { Load, WindowResult } from '../harness/window.ts';
import type { OwnServer } from './own-server.ts';
import type { Outcome } from './scale.ts';

/** Whole intents, as users send them; of each the begin is timed, which is what the promise is about. */
const WORK: Work = { name: 'begin-of-intent', resultBytes: 32 };
/** Below what the server can do, so that waiting shows and not the limit. */
const LOAD: Load = { kind: 'open', perSecond: 2000 };
const WINDOW_MS = 2000;

export const besideWindow = async ({ load, pids }: OwnServer, warmUpMs = 0): Promise<WindowResult> =>
  load.run(WORK, { load: LOAD, serverPids: pids, warmUpMs, windowMs: WINDOW_MS });

export interface Beside {
  readonly scenario: 'compaction' | 'purge';
  readonly without: readonly WindowResult[];
  readonly beside: readonly WindowResult[];
  readonly removed: number;
  /** How long the work beside ran. */
  readonly seconds: number;
}

export function besideOutcome({ subject }: OwnServer, result: Beside): Outcome {
  const { scenario, without, beside, removed, seconds } = result;
  const cellOf = (when: 'without' | 'with', rounds: readonly WindowResult[]): Outcome['cells'][number] => ({
    scenario,
    cell: {
      subject: { ...subject, name: when, title: `${subject.title}, ${when} ${scenario}` },
      work: WORK,
      load: LOAD,
    },
    rounds,
  });
  return {
    cells: [cellOf('without', without), cellOf('with', beside)],
    extra: {
      title: `${scenario} while traffic runs, SQLite`,
      head: ['records removed', 'seconds', 'removed a second', 'windows without', 'windows with'],
      rows: [[removed, seconds, removed / seconds, without.length, beside.length]],
    },
  };
}
