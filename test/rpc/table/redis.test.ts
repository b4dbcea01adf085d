import { redisSubject } from '../../conformance/subjects/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { describeTable } from './index.ts';

describeWithRedis('on one server', () => describeTable(redisSubject));
