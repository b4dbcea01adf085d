// Every store that runs without anything installed answers as the memory store does, whatever it is asked.

import { test } from 'vitest';
import { memorySubject } from '../conformance/subjects/memory.ts';
import { sqliteSubject } from '../conformance/subjects/sqlite.ts';
import { playOnAll } from './index.ts';
import { seedsToTry } from './random.ts';

test('the same random script has the same answers on memory and SQLite', { timeout: 120_000 }, async () => {
  await playOnAll([memorySubject, sqliteSubject], {
    seeds: seedsToTry('memory and SQLite', 12),
    steps: 100,
    inOrder: true,
  });
});
