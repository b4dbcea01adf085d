// Has the log moved into the database by a thread of its own (move.ts), while the writer goes on. It cannot end it: frames
// come meanwhile. The writer moves those few, and then the log begins anew.

import { openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { MOVE_MS_MAX } from './limits.ts';

export interface Mover {
  start(): void;
  isBusy(): boolean;
  /** Blocks until it is not busy. */
  wait(): void;
}

/** What both threads have. */
export interface Move {
  readonly path: string;
  /** To flush the database by. Closed with the writer's thread only: closing it lets go of SQLite's locks on the file. */
  readonly descriptor: number;
  /** 1 while the log is being moved. Memory that they share: the writer looks at it between two batches. */
  readonly busy: Int32Array<SharedArrayBuffer>;
}

export function createMover(path: string): Mover {
  const busy = new Int32Array(new SharedArrayBuffer(4));
  let descriptor: number | undefined;
  let thread: Worker | undefined;
  // Whatever it could not do the writer does, and meets the same trouble.
  const ended = (): void => {
    thread = undefined;
    Atomics.store(busy, 0, 0);
  };
  const begun = (): Worker => {
    descriptor ??= openSync(path, 'r');
    const move: Move = { path, descriptor, busy };
    const worker = new Worker(new URL('./move.ts', import.meta.url), { workerData: move, name: 'onced sqlite mover' });
    worker.on('error', ended).on('exit', ended).unref();
    return worker;
  };
  return {
    start() {
      thread ??= begun();
      Atomics.store(busy, 0, 1);
      thread.postMessage('move', []);
    },
    isBusy: () => Atomics.load(busy, 0) === 1,
    wait: () => void Atomics.wait(busy, 0, 1, MOVE_MS_MAX),
  };
}
