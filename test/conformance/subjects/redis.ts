// The Redis store under a prefix of its own on one real server, as the suite and the model tests open it.

import { randomUUID } from 'node:crypto';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';
import type { StoreSubject } from '../subject.ts';

export const redisSubject: StoreSubject = {
  name: 'redis',
  survivesClose: true,
  allowsPeers: true,
  pushesChanges: true,
  async makePlace() {
    const url = `${(await acquireServer()).url}?prefix=${randomUUID()}`;
    return { open: () => openRedisStore({ url }), dispose: releaseServer };
  },
};

let shared: Promise<RedisServer> | undefined;
let places = 0;

function acquireServer(): Promise<RedisServer> {
  places += 1;
  shared ??= startRedis();
  return shared;
}

/** The last place that is disposed of ends the server. */
async function releaseServer(): Promise<void> {
  places -= 1;
  const server = shared;
  if (places > 0 || server === undefined) return;
  shared = undefined;
  await (await server).dispose();
}
