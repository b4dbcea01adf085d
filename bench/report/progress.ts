// One line that says where the benchmark is; on a terminal it is written over, elsewhere a line is added now and then.

import type { Block, Cell } from '../plan.ts';
import type { WindowResult } from '../harness/window.ts';

export interface Progress {
  step(what: string): void;
  note(what: string): void;
  window(done: { block: Block; round: number; cell: Cell; result: WindowResult }): void;
}

const LINE_MS = 5000;

export function createProgress(windowsTotal: number): Progress {
  const startMs = performance.now();
  let windows = 0;
  let lineMs = 0;
  const clock = (): string => {
    const seconds = Math.round((performance.now() - startMs) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  };
  const show = (what: string): void => {
    const line = `[${clock()}] ${windows}/${windowsTotal} ${what}`;
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\u001B[K${line.slice(0, process.stderr.columns - 1)}`);
    } else if (performance.now() - lineMs >= LINE_MS) {
      lineMs = performance.now();
      process.stderr.write(`${line}\n`);
    }
  };
  return {
    step: show,
    note: (what) => process.stderr.write(`\n${what}\n`),
    window({ block, round, cell, result }) {
      windows += 1;
      show(
        `${block.scenario} ${round}/${block.rounds} ${cell.subject.name}: ${Math.round(result.perSecond)}/s, p50 ${result.p50Ms.toFixed(2)} ms`,
      );
    },
  };
}
