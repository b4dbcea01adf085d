// One script, five stores, one virtual clock: whatever it asks, they answer alike.

import { test } from 'vitest';
import { memorySubject } from '../conformance/subjects/memory.ts';
import { postgresSubject } from '../conformance/subjects/postgres.ts';
import { redisClusterSubject, redisSubject } from '../conformance/subjects/redis.ts';
import { sqliteSubject } from '../conformance/subjects/sqlite.ts';
import { describeWithRedis } from '../support/with-redis.ts';
import { playOnAll } from './index.ts';
import { seedsToTry } from './random.ts';

const SUBJECTS = [memorySubject, sqliteSubject, postgresSubject, redisSubject, redisClusterSubject];

describeWithRedis('all stores', () => {
  test('the same random script has the same answers on each of the five', { timeout: 180_000 }, async () => {
    await playOnAll(SUBJECTS, { seeds: seedsToTry('all stores', 12), steps: 100 });
  });
});
