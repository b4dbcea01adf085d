// The Redis store under a prefix of its own, as the suite and the model tests open it: on one real server, and on a real
// cluster of three primaries with a replica each.

import { randomUUID } from 'node:crypto';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { startRedisCluster } from '../../support/redis-cluster.ts';
import { startRedis } from '../../support/redis.ts';
import type { StoreSubject } from '../subject.ts';
import { shared, type Disposable, type Shared } from './shared.ts';

export const redisSubject = subjectOf('redis', shared(startRedis));
export const redisClusterSubject = subjectOf('redis-cluster', shared(startRedisCluster));

function subjectOf(name: string, servers: Shared<Disposable & { readonly url: string }>): StoreSubject {
  return {
    name,
    survivesClose: true,
    allowsPeers: true,
    pushesChanges: true,
    async makePlace() {
      const { url } = await servers.acquire();
      const place = `${url}?prefix=${randomUUID()}`;
      return { open: () => openRedisStore({ url: place }), dispose: () => servers.release() };
    },
  };
}
