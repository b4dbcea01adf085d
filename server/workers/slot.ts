// The place of a worker: processes come and go in it.

import type { Worker } from 'node:cluster';
import type { Serving, ToWorker } from './messages.ts';

export interface Slot {
  readonly number: number;
  worker: Worker | undefined;
  serving: Serving | undefined;
  /** In a row, without a steady time between. */
  failures: number;
  restart: NodeJS.Timeout | undefined;
}

export const makeSlots = (count: number): readonly Slot[] =>
  Array.from({ length: count }, (_slot, index) => ({
    number: index + 1,
    worker: undefined,
    serving: undefined,
    failures: 0,
    restart: undefined,
  }));

/** Nothing happens when it is gone: its exit is told elsewhere. */
export function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
