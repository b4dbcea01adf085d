// Onced itself, as `onced serve` starts it, on one of its stores. CPU and memory of a database behind it count as its own.

import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import packageJson from '../../package.json' with { type: 'json' };
import { startPostgres } from '../../test/support/postgres.ts';
import { startProgram, temporaryFolder } from '../harness/children.ts';
import { startLoad } from '../harness/load-process.ts';
import { epochMs } from '../../storage/contract/index.ts';
import { fillStore } from '../scenarios/fill-store.ts';
import { startRedis } from './redis.ts';
import type { Server } from './server.ts';

export const STORES = ['sqlite', 'postgres', 'redis', 'memory'] as const;
export type StoreName = (typeof STORES)[number];

const DAY_MS = 86_400_000;
const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const LISTENING = /serves gRPC on (127\.0\.0\.1:\d+)/;

export interface OncedOptions {
  readonly store: StoreName;
  /** Records that are there before anything is measured. */
  readonly records: number;
}

export async function startOnced({ store, records }: OncedOptions): Promise<Server> {
  const backing = await startBacking(store, records);
  const server = await serve(backing.url);
  if (records > 0 && store !== 'sqlite') await preload(server.target, records);
  return {
    target: server.target,
    pids: [...server.pids, ...backing.pids],
    version: `${packageJson.version} (${store})`,
    durability: backing.durability,
    async stop() {
      await server.stop();
      await backing.stop();
    },
  };
}

/** A server on a store that is already there. */
export async function serve(
  url: string,
): Promise<Pick<Server, 'target' | 'pids' | 'stop'> & { readonly startMs: number }> {
  const beginMs = performance.now();
  const program = await startProgram({
    command: process.execPath,
    args: [...profiling(), MAIN, 'serve', '--store', url, '--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0'],
    isReady: (output) => LISTENING.test(output),
    readyMsMax: 120_000,
  });
  return {
    target: LISTENING.exec(program.output())?.[1] ?? '',
    pids: [program.pid],
    startMs: performance.now() - beginMs,
    stop: () => program.end(),
  };
}

/** ONCED_BENCH_PROFILE=folder: the server writes a CPU profile there when it ends. */
function profiling(): string[] {
  const folder = process.env['ONCED_BENCH_PROFILE'];
  return folder === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', folder];
}

export async function preload(target: string, records: number): Promise<void> {
  const load = await startLoad('onced-session', target);
  await load.prepare({ name: 'preload', resultBytes: 32, records });
  await load.stop();
}

interface Backing {
  readonly url: string;
  readonly pids: readonly number[];
  readonly durability: string;
  stop(): Promise<void>;
}

async function startBacking(store: StoreName, records: number): Promise<Backing> {
  if (store === 'memory')
    return { url: 'memory:', pids: [], durability: 'none: gone with the process', stop: async () => undefined };
  if (store === 'sqlite') {
    const folder = await temporaryFolder('onced');
    const path = `${folder.path}/onced.db`;
    if (records > 0) await fillStore({ path, records, purgeMs: epochMs(Date.now() + DAY_MS) });
    return {
      url: `sqlite:${path}`,
      pids: [],
      durability: 'on disk (WAL, synchronous=FULL)',
      stop: () => folder.remove(),
    };
  }
  if (store === 'redis') {
    const redis = await startRedis('always');
    return { url: `redis://${redis.target}`, pids: redis.pids, durability: redis.durability, stop: () => redis.stop() };
  }
  const postgres = await startPostgres({ settings: { shared_buffers: '512MB', max_wal_size: '4GB' } });
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('create database onced');
  await client.end();
  const url = new URL(postgres.url);
  url.pathname = '/onced';
  return {
    url: url.href,
    pids: [postgres.pid],
    durability: 'on disk (synchronous_commit on)',
    stop: () => postgres.dispose(),
  };
}
