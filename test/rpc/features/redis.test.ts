import { redisSubject } from '../../conformance/subjects/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { describeFeatures } from './index.ts';

describeWithRedis('on one server', () => describeFeatures(redisSubject));
