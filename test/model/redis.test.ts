import { redisClusterSubject, redisSubject } from '../conformance/subjects/redis.ts';
import { describeWithRedis } from '../support/with-redis.ts';
import { describeHistories } from './index.ts';

describeWithRedis('Redis', () => {
  describeHistories(redisSubject, 60);
  describeHistories(redisClusterSubject, 20);
});
