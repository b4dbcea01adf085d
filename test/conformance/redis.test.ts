import { describeWithRedis } from '../support/with-redis.ts';
import { describeStore } from './index.ts';
import { redisSubject } from './subjects/redis.ts';

describeWithRedis('on one server', () => describeStore(redisSubject));
