// Where two servers meet: each store that several may share, as `onced serve` is given it, and SQLite with the one server
// that it allows under both names, so that all stand for the same sentences.

import { randomUUID } from 'node:crypto';
import { makeFolder, serveOnced, type Served } from '../support/onced.ts';
import { startPostgres } from '../support/postgres.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { startRedis } from '../support/redis.ts';
import { connect, connectAdmin, type AdminClient, type TestClient } from '../support/server.ts';
import type { NeededProgram } from '../support/with-package.ts';

export interface Place {
  readonly url: string;
  dispose(): Promise<void>;
}

export interface PlaceKind {
  readonly name: string;
  readonly needs: NeededProgram | undefined;
  /** One server may have the store open, or any number. */
  readonly isShared: boolean;
  open(): Promise<Place>;
}

const REDIS: NeededProgram = { program: 'redis-server', packages: ['redis-server'] };

const withPrefix = (place: Place): Place => ({
  url: `${place.url}?prefix=${randomUUID()}`,
  dispose: () => place.dispose(),
});

export const PLACES: readonly PlaceKind[] = [
  {
    name: 'sqlite',
    needs: undefined,
    isShared: false,
    async open() {
      const folder = await makeFolder();
      return { url: `sqlite:${folder.path}/onced.db`, dispose: async () => folder[Symbol.asyncDispose]() };
    },
  },
  { name: 'postgres', needs: undefined, isShared: true, open: startPostgres },
  { name: 'redis', needs: REDIS, isShared: true, open: async () => withPrefix(await startRedis()) },
  { name: 'redis-cluster', needs: REDIS, isShared: true, open: async () => withPrefix(await startRedisCluster()) },
];

export interface Peer {
  readonly served: Served;
  readonly client: TestClient;
  readonly admin: AdminClient;
}

export interface Peers {
  readonly a: Peer;
  /** Another server on the same store; the same one where the store allows only one. */
  readonly b: Peer;
  /** SIGKILL for A, in the middle of whatever it does; where it is the only one, it is started again, as B. */
  killA(): Promise<void>;
  close(): Promise<void>;
}

export async function servePeers({ isShared }: PlaceKind, { url }: Place): Promise<Peers> {
  const serve = async (): Promise<Peer> => {
    const served = await serveOnced(['--store', url, '--log-level', 'error']);
    return { served, client: connect(served.grpc), admin: connectAdmin(served.grpc) };
  };
  const end = async ({ served, client, admin }: Peer): Promise<void> => {
    client.raw.close();
    admin.raw.close();
    await served[Symbol.asyncDispose]();
  };
  const a = await serve();
  let b = isShared ? await serve() : a;
  return {
    a,
    get b() {
      return b;
    },
    async killA() {
      a.served.kill('SIGKILL');
      await a.served.ended;
      if (!isShared) b = await serve();
    },
    async close() {
      await end(a);
      if (b !== a) await end(b);
    },
  };
}
