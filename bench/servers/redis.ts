// A Redis of its own, with an append-only file synced on every write (`always`) or once a second (`everysec`).

import { spawnSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { freePort, startProgram, temporaryFolder } from '../harness/children.ts';
import { installPackage } from './debian.ts';
import type { Server } from './server.ts';

export type AppendSync = 'always' | 'everysec';

export async function startRedis(sync: AppendSync): Promise<Server> {
  installPackage({ program: 'redis-server', name: 'redis-server' });
  const folder = await temporaryFolder('redis');
  const port = await freePort();
  const settings = {
    bind: '127.0.0.1',
    port,
    dir: folder.path,
    save: '',
    appendonly: 'yes',
    appendfsync: sync,
    // A rewrite of the file would fall into one window and not into the next.
    'auto-aof-rewrite-percentage': 0,
  };
  const program = await startProgram({
    command: 'redis-server',
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    isReady: (output) => output.includes('Ready to accept connections'),
  });
  return {
    target: `127.0.0.1:${port}`,
    pids: [program.pid],
    version: /v=(\S+)/.exec(spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout)?.[1] ?? 'unknown',
    durability: sync === 'always' ? 'on disk (AOF always)' : 'may lose the last second (AOF everysec)',
    async stop() {
      await program.end();
      await folder.remove();
    },
  };
}

/** Records that are there before anything is measured. */
export async function preloadRedis(server: Server, records: number): Promise<void> {
  const redis = new Redis(`redis://${server.target}`);
  const value = 'x'.repeat(64);
  for (let done = 0; done < records; done += 5000) {
    const pipeline = redis.pipeline();
    for (let index = done; index < Math.min(records, done + 5000); index += 1) {
      pipeline.set(`preload-${crypto.randomUUID()}`, value, 'PX', 86_400_000);
    }
    await pipeline.exec();
  }
  redis.disconnect();
}
