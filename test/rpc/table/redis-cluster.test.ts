import { redisClusterSubject } from '../../conformance/subjects/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { describeTable } from './index.ts';

describeWithRedis('on three primaries with a replica each', () => describeTable(redisClusterSubject));
