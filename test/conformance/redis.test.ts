import { describeStore } from './index.ts';
import { redisSubject } from './subjects/redis.ts';

describeStore(redisSubject);
