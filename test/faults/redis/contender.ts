// A process that wants the same keys as another one at the same time, for a test that cuts the network between them.
//
//   node contender.ts URL claim MILLISECONDS    begins when its input ends; prints what it was told, as a ledger
//   node contender.ts URL check                 reads ledgers, one a line, and prints what does not stand as told
//
// Says READY on a line of its own once the store is open.

import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Key } from '../../../storage/contract/index.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { createKeys } from '../../../storage/redis/keys.ts';
import { beginAndComplete, faultsOf, newLedger, type Ledger } from '../load.ts';
import { NAMESPACE } from '../scene.ts';

const LANES = 16;
/** All contenders want another key at the same instants. */
const WINDOW_MS = 25;
/** A caller that was not answered by then gives up: the next key is due. */
const PATIENCE_MS = 300;
/** The first of three equal ranges: that of the primary which is cut off. */
const SLOTS_CONTESTED = 5_462;

const [url = '', mode = '', milliseconds = '0'] = process.argv.slice(2);
const keys = createKeys('onced', 256);
const store = await openRedisStore({ url });
console.log('READY');
const input = await text(process.stdin);

async function lane(number: number, ledger: Ledger, untilMs: number): Promise<void> {
  while (Date.now() < untilMs) {
    await sleep(WINDOW_MS - (Date.now() % WINDOW_MS));
    const key = `${Math.round(Date.now() / WINDOW_MS)}-${number}`;
    const { shard } = keys.nameOf({ namespace: NAMESPACE, key: key as Key });
    if (shard.slot < SLOTS_CONTESTED) await beginAndComplete(store, ledger, { key, patienceMs: PATIENCE_MS });
  }
}

if (mode === 'claim') {
  const ledger = newLedger();
  const untilMs = Date.now() + Number(milliseconds);
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number, ledger, untilMs)));
  const granted = [...ledger.granted].map(([key, tokens]) => [key, [...tokens]]);
  console.log(JSON.stringify({ granted, completed: [...ledger.completed], trouble: [...ledger.trouble] }));
} else {
  const merged = newLedger();
  for (const line of input.trim().split('\n')) {
    const { granted, completed } = JSON.parse(line) as {
      readonly granted: readonly (readonly [string, readonly string[]])[];
      readonly completed: readonly (readonly [string, string])[];
    };
    for (const [key, tokens] of granted) {
      merged.granted.set(key, new Set([...(merged.granted.get(key) ?? []), ...tokens]));
    }
    for (const [key, result] of completed) merged.completed.set(key, result);
  }
  console.log(JSON.stringify(await faultsOf(store, merged)));
}
await store.close();
