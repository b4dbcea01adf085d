// Writes a journal into its store, and kills itself before or after one step of it. A process of its own, run by
// replay.test.ts: MAIN JOURNAL STEP before|after.

import { existsSync, writeSync } from 'node:fs';
import { pino } from 'pino';
import { openEngine } from '../../../server/engine.ts';
import { createMetrics } from '../../../server/metrics.ts';
import type { Store } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { openAt } from './open-at.ts';

const [mainUrl = '', journalPath = '', killAt = '0', when = 'before'] = process.argv.slice(2);
let steps = 0;

const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  // The signal is on its way; nothing more may happen until it is here.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
};

async function step<T>(call: () => Promise<T>): Promise<T> {
  steps += 1;
  const isHere = steps === Number(killAt);
  if (isHere && when === 'before') die();
  const value = await call();
  if (isHere) die();
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

const store = stepping(await openAt(mainUrl));
const { engine, stop } = await openEngine({
  store,
  metrics: createMetrics(),
  log: pino({ level: 'silent' }),
  journal: {
    exists: () => existsSync(journalPath),
    open: async () => stepping(await openSqliteStore({ path: journalPath })),
  },
});
await engine.outage.replay(engine);
const left = engine.outage.kept();
await stop();
await store.close();
writeSync(1, `${JSON.stringify({ steps, left })}\n`);
process.exit(0);
