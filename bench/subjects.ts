// Everything that can be measured: which server, which driver, in which words it is shown.

import type { WorkName } from './drivers/driver.ts';
import { startEcho } from './servers/echo.ts';
import { startEtcd } from './servers/etcd.ts';
import { startOnced, STORES, type StoreName } from './servers/onced.ts';
import { startPostgresServer } from './servers/postgres.ts';
import { preloadRedis, startRedis } from './servers/redis.ts';
import { startRestate } from './servers/restate.ts';
import type { Server } from './servers/server.ts';

export interface Subject {
  readonly name: string;
  readonly title: string;
  readonly driver: string;
  /** Subjects of the same server name share one server and one store. */
  readonly server: string;
  readonly isPeer: boolean;
  /** gRPC calls or commands that one operation of this name makes, for figures per call. */
  callsOf(work: WorkName): number;
}

export const twoForIntent = (work: WorkName): number => (work === 'intent' ? 2 : 1);

const onced = (store: StoreName): Subject[] => [
  {
    name: `onced-session-${store}`,
    title: `Onced, Session, ${store}`,
    driver: 'onced-session',
    server: `onced-${store}`,
    isPeer: false,
    callsOf: twoForIntent,
  },
  {
    name: `onced-unary-${store}`,
    title: `Onced, unary, ${store}`,
    driver: 'onced-unary',
    server: `onced-${store}`,
    isPeer: false,
    callsOf: twoForIntent,
  },
  {
    name: `onced-client-${store}`,
    title: `Onced, Node client (Session), ${store}`,
    driver: 'onced-client',
    server: `onced-${store}`,
    isPeer: false,
    callsOf: twoForIntent,
  },
];

const peer = (name: string, title: string, driver = name, server = name): Subject => ({
  name,
  title,
  driver,
  server,
  isPeer: true,
  callsOf: twoForIntent,
});

export const SUBJECTS: readonly Subject[] = [
  ...STORES.flatMap(onced),
  peer('echo-session', 'no-op echo, packed stream', 'onced-session', 'echo'),
  peer('echo-unary', 'no-op echo, unary', 'onced-unary', 'echo'),
  peer('redis-always', 'Redis direct, SET NX + SET, AOF always', 'redis-direct'),
  peer('redis-everysec', 'Redis direct, SET NX + SET, AOF everysec', 'redis-direct'),
  peer('postgres', 'Postgres direct, INSERT + UPDATE', 'postgres-direct'),
  peer('etcd', 'etcd, put-if-absent + put', 'etcd'),
  peer('restate', 'Restate, idempotent invocation', 'restate'),
  peer('powertools', 'AWS Powertools over Redis, AOF always', 'powertools', 'redis-always'),
];

export function subjectNamed(name: string): Subject {
  const subject = SUBJECTS.find((candidate) => candidate.name === name);
  if (subject === undefined)
    throw new Error(`there is no subject ${name}; there are ${SUBJECTS.map((each) => each.name).join(', ')}`);
  return subject;
}

/** Starts the server with so many records already in it, where the peer can take them in reasonable time. */
export async function startServer(name: string, records: number): Promise<Server> {
  const store = STORES.find((candidate) => name === `onced-${candidate}`);
  if (store !== undefined) return startOnced({ store, records });
  switch (name) {
    case 'echo':
      return startEcho();
    case 'redis-always':
    case 'redis-everysec': {
      const server = await startRedis(name === 'redis-always' ? 'always' : 'everysec');
      await preloadRedis(server, records);
      return server;
    }
    case 'postgres':
      return startPostgresServer(records);
    // Both start empty, which flatters them: half a million invocations would take Restate minutes.
    case 'etcd':
      return startEtcd();
    case 'restate':
      return startRestate();
    default:
      throw new Error(`there is no server ${name}`);
  }
}
