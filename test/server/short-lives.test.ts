// What unary calls leave behind is collected young. Counted in bytes, from what V8 says of each collection.

import { expect, test } from 'vitest';
import { makeFolder, serveOnced } from '../support/onced.ts';
import { connect } from '../support/server.ts';

const CALLS = 30_000;
const IN_FLIGHT = 64;
/** Until V8 has compiled what runs often, and learned what it would make old. */
const COLLECTIONS_BEFORE = 15;

test('of what calls allocate next to nothing outlives the minor collections', { timeout: 120_000 }, async () => {
  await using folder = await makeFolder();
  const onced = new URL('../../cli/main.ts', import.meta.url).pathname;
  await using served = await serveOnced(['--store', `sqlite:${folder.path}/onced.db`], {
    program: [process.execPath, '--trace-gc', onced, 'serve'],
  });
  const client = connect(served.grpc);
  const id = { namespace: 'shop', key: 'order-1' };
  await client.beginIntent({ ...id, attemptId: 'a' });
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let call = 0; call < CALLS / IN_FLIGHT; call += 1) await client.lookup(id);
    }),
  );
  client.raw.close();
  served.kill('SIGTERM');
  const collections = minorCollections((await served.ended).stdout).slice(COLLECTIONS_BEFORE);
  expect(collections.length).toBeGreaterThan(10);
  const [allocated, kept] = [sum(collections, 'allocated'), sum(collections, 'kept')];
  // Found: 0.03; 0.2 to 0.3 with anything that keeps calls alive.
  expect(kept / allocated, `${kept} MB of ${allocated}`).toBeLessThan(0.1);
});

interface Collection {
  readonly allocated: number;
  /** What the heap grew by since the one before. */
  readonly kept: number;
}

/** Those of the main thread between two others, in megabytes. */
function minorCollections(trace: string): readonly Collection[] {
  const lines = [
    ...trace.matchAll(/\[\d+:(0x[0-9a-f]+)\] .*? (Scavenge|Mark-Compact)\D*([\d.]+) \([\d.]+\) -> ([\d.]+) /g),
  ];
  const own = lines.filter(([, isolate]) => isolate === lines[0]?.[1]);
  return own.flatMap(([, , kind, before, after], index) => {
    const last = Number(own[index - 1]?.[4]);
    return kind === 'Scavenge' && last > 0 ? [{ allocated: Number(before) - last, kept: Number(after) - last }] : [];
  });
}

const sum = (collections: readonly Collection[], name: keyof Collection): number =>
  collections.reduce((total, collection) => total + collection[name], 0);
