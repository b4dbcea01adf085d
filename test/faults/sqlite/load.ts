// A process that uses the store and says what was acknowledged, one JSON line each, for a parent that kills it or makes
// its disk fail. `claimed` and `settled` are written once the store answered.
//
//   node load.ts PATH hold | load | unsafe | keep-going
//
// `unsafe` is the control: it says so before the store answered, so a parent that kills it must find something missing.
// `keep-going` does not end when the store fails for good, and says what is acknowledged after that: nothing must be.

import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { claimOf, idOf, newToken, settleOf } from './scene.ts';

const IN_FLIGHT = 16;

const [path = '', mode = 'load'] = process.argv.slice(2);

/** Not console.log: what was said must be out before anything else happens. The pipe may be full for a moment. */
function say(line: object): void {
  let rest = Buffer.from(`${JSON.stringify(line)}\n`);
  while (rest.length > 0) rest = rest.subarray(writeSome(rest));
}

function writeSome(bytes: Buffer): number {
  try {
    return writeSync(1, bytes);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EAGAIN') throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    return 0;
  }
}

const store = await openSqliteStore({
  path,
  // So that places are being written whenever it is killed.
  recentRecordsMax: 40,
  ...(mode === 'keep-going' && { onFatal: (reason: string) => say({ kind: 'fatal', reason }) }),
});
say({ kind: 'open' });

async function beginAndComplete(): Promise<void> {
  const key = randomUUID();
  if (Math.random() < 0.5) await beginAndRemove(key);
  const leaseToken = newToken();
  const result = `result of ${key}`;
  const claimed = { kind: 'claimed', key, leaseToken };
  const settled = { kind: 'settled', key, result };
  if (mode === 'unsafe') say(claimed);
  await store.claim(claimOf(key, leaseToken));
  if (mode !== 'unsafe') say(claimed);
  if (mode === 'unsafe') say(settled);
  await store.settle(settleOf(key, leaseToken, Buffer.from(result)));
  if (mode !== 'unsafe') say(settled);
}

/** So that the key has a former place while it is begun again. */
async function beginAndRemove(key: string): Promise<void> {
  const { record } = await store.claim(claimOf(key));
  if (record === undefined) return;
  // Not before the clock is past its revision.
  while (!(await store.remove({ ...idOf(key), revision: record.revision, force: true }))) await pause(1);
}

async function lane(): Promise<void> {
  for (;;) await beginAndComplete();
}

if (mode === 'hold') {
  await new Promise(() => setInterval(() => undefined, 1_000));
} else {
  const failures = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, lane));
  say({ kind: 'rejected', count: failures.length });
  // Time for an acknowledgement that must not come.
  await store.claim(claimOf('after')).then(
    () => say({ kind: 'claimed', key: 'after', leaseToken: '' }),
    () => say({ kind: 'rejected', count: 1 }),
  );
  process.exitCode = 3;
}
