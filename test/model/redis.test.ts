import { test } from 'vitest';
import { memorySubject } from '../conformance/subjects/memory.ts';
import { redisClusterSubject, redisSubject } from '../conformance/subjects/redis.ts';
import { describeWithRedis } from '../support/with-redis.ts';
import { describeHistories, playOnAll } from './index.ts';
import { seedsToTry } from './random.ts';

describeWithRedis('Redis', () => {
  describeHistories(redisSubject, 60);
  describeHistories(redisClusterSubject, 20);

  const subjects = [memorySubject, redisSubject, redisClusterSubject];
  test(
    'the same random script has the same answers on memory, Redis and its cluster',
    { timeout: 120_000 },
    async () => {
      await playOnAll(subjects, { seeds: seedsToTry('memory, Redis and its cluster', 12), steps: 150 });
    },
  );
});
