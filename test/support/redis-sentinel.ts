// A real primary with replicas under the watch of a real Sentinel, which promotes one when the primary is gone.

import { eventually } from './redis-cluster.ts';
import { startRedis, type RedisServer } from './redis.ts';

export interface WatchedRedis {
  readonly url: string;
  readonly primary: RedisServer;
  readonly replicas: readonly RedisServer[];
  /** Port of the primary as the Sentinel knows it. */
  primaryPort(): Promise<number>;
  dispose(): Promise<void>;
}

const NAME = 'watched';
const DOWN_AFTER_MS = 1_000;

export async function startWatchedRedis(replicaCount = 2): Promise<WatchedRedis> {
  const primary = await startRedis();
  const replicas = await Promise.all(
    Array.from({ length: replicaCount }, () =>
      startRedis({ settings: { replicaof: `${primary.host} ${primary.port}` } }),
    ),
  );
  const sentinel = await startRedis({ sentinel: true });
  await sentinel.command('sentinel', 'monitor', NAME, primary.host, primary.port, 1);
  await sentinel.command('sentinel', 'set', NAME, 'down-after-milliseconds', DOWN_AFTER_MS);
  await sentinel.command('sentinel', 'set', NAME, 'failover-timeout', 5_000);
  await eventually('the Sentinel to know the replicas', async () => {
    const known = (await sentinel.command('sentinel', 'replicas', NAME)) as readonly unknown[];
    return known.length === replicaCount && (await primary.info('connected_slaves')) === String(replicaCount);
  });
  return {
    url: `redis-sentinel://${sentinel.host}:${sentinel.port}/${NAME}`,
    primary,
    replicas,
    async primaryPort() {
      const [, port] = (await sentinel.command('sentinel', 'get-master-addr-by-name', NAME)) as readonly string[];
      return Number(port);
    },
    async dispose() {
      await Promise.all([sentinel, primary, ...replicas].map((server) => server.dispose()));
    },
  };
}
