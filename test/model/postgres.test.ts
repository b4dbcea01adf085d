import { test } from 'vitest';
import { memorySubject } from '../conformance/subjects/memory.ts';
import { postgresSubject } from '../conformance/subjects/postgres.ts';
import { describeHistories, playOnAll } from './index.ts';
import { seedsToTry } from './random.ts';

// Few: each verb is a commit with an fsync, one at a time.
describeHistories(postgresSubject, 15);

test('the same random script has the same answers on memory and Postgres', { timeout: 120_000 }, async () => {
  await playOnAll([memorySubject, postgresSubject], { seeds: seedsToTry('memory and Postgres', 12), steps: 150 });
});
