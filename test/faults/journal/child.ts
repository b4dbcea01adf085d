// Writes a journal into its store, and kills itself behind one step of it, or before the first. A process of its own, run by
// replay.test.ts: MAIN JOURNAL STEP.

import { writeSync } from 'node:fs';
import type { Store } from '../../../storage/contract/index.ts';
import { writeJournal } from './start.ts';

const [main = '', journal = '', killAfter = ''] = process.argv.slice(2);
let steps = 0;

const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  // The signal is on its way; nothing more may happen until it is here.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
};

async function step<T>(call: () => Promise<T>): Promise<T> {
  if (killAfter === '0') die();
  const value = await call();
  steps += 1;
  if (steps === Number(killAfter)) die();
  return value;
}

const stepping = (store: Store): Store => ({
  ...store,
  registry: { ...store.registry, put: async (put) => step(async () => store.registry.put(put)) },
  claim: async (...args) => step(async () => store.claim(...args)),
  extend: async (...args) => step(async () => store.extend(...args)),
  settle: async (...args) => step(async () => store.settle(...args)),
  remove: async (...args) => step(async () => store.remove(...args)),
});

const left = await writeJournal({ main, journal }, stepping);
writeSync(1, `${JSON.stringify({ steps, left })}\n`);
process.exit(0);
