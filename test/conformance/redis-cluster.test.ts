import { describeWithRedis } from '../support/with-redis.ts';
import { describeStore } from './index.ts';
import { redisClusterSubject } from './subjects/redis.ts';

describeWithRedis('on three primaries with a replica each', () => describeStore(redisClusterSubject));
