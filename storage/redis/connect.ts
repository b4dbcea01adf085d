// How ioredis is set up: it must never send a command a second time by itself, nor keep one for later.

import { Redis, type RedisOptions } from 'ioredis';
import { CONNECT_MS_MAX, KEEP_ALIVE_MS, RECONNECT_MS_MAX, RECONNECT_MS_MIN } from './limits.ts';
import type { Address, RedisLocation } from './location.ts';

/** A connection to this node, or without one to the primary that the location or its Sentinels name; not opened yet. */
export function createRedis(location: RedisLocation, node?: Address, over: RedisOptions = {}): Redis {
  const options = {
    ...baseOptions(location),
    ...targetOptions(location, node),
    ...over,
    replyMapping: 'legacy' as const,
  };
  const redis = new Redis(options);
  // Without a listener ioredis prints each failed attempt; link.ts tells of them where they matter.
  redis.on('error', () => undefined);
  return redis;
}

function baseOptions(location: RedisLocation): RedisOptions {
  return {
    ...credentials(location),
    ...(location.tls && { tls: {} }),
    db: location.database,
    lazyConnect: true,
    // Anything but 0 sends again after a reconnect, and a script runs twice. Switching autoResendUnfulfilledCommands off
    // instead leaves promises that never settle (ioredis 6.0.0, issue 2193).
    maxRetriesPerRequest: 0,
    // A command that waited here would be sent after its caller was told that it failed (issue 2131).
    enableOfflineQueue: false,
    // Slower, measured: 0.6 of the rate for scripts of one tick.
    enableAutoPipelining: false,
    connectTimeout: CONNECT_MS_MAX,
    keepAlive: KEEP_ALIVE_MS,
    // RESP3 has nothing that is needed here, and some proxies do not speak it.
    protocol: 2,
    disableClientInfo: true,
    retryStrategy: (attempt) => {
      const pauseMs = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** Math.min(attempt, 10));
      return pauseMs * (0.5 + Math.random() / 2);
    },
    // A primary that became a replica: connect again, to where the name or the Sentinels point now. 1: do not send again.
    reconnectOnError: (error) => (error.message.includes('READONLY') ? 1 : false),
  };
}

const credentials = ({ username, password }: RedisLocation): RedisOptions => ({
  ...(username !== undefined && { username }),
  ...(password !== undefined && { password }),
});

function targetOptions(location: RedisLocation, node: Address | undefined): RedisOptions {
  if (node !== undefined) return { ...node };
  if (location.kind !== 'sentinel') return { ...location.addresses[0] };
  return {
    sentinels: [...location.addresses],
    name: location.sentinelName,
    role: 'master',
    failoverDetector: true,
    sentinelRetryStrategy: (attempt) => Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** Math.min(attempt, 10)),
    ...(location.tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
  };
}
