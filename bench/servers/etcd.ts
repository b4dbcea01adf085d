// One etcd node with its own durable settings (it syncs its log before it answers).

import { spawnSync } from 'node:child_process';
import { freePort, startProgram, temporaryFolder } from '../harness/children.ts';
import { installPackage } from './debian.ts';
import type { Server } from './server.ts';

export async function startEtcd(): Promise<Server> {
  installPackage({ program: 'etcd', name: 'etcd-server' });
  const folder = await temporaryFolder('etcd');
  const clients = `http://127.0.0.1:${await freePort()}`;
  const peers = `http://127.0.0.1:${await freePort()}`;
  const settings = {
    name: 'bench',
    'data-dir': folder.path,
    'listen-client-urls': clients,
    'advertise-client-urls': clients,
    'listen-peer-urls': peers,
    'initial-advertise-peer-urls': peers,
    'initial-cluster': `bench=${peers}`,
    'quota-backend-bytes': 8 * 1024 * 1024 * 1024,
    'log-level': 'warn',
  };
  const program = await startProgram({
    command: 'etcd',
    args: Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
    isReady: () => isHealthy(clients),
  });
  return {
    target: clients,
    pids: [program.pid],
    version:
      /etcd Version: (\S+)/.exec(spawnSync('etcd', ['--version'], { encoding: 'utf8' }).stdout)?.[1] ?? 'unknown',
    durability: 'on disk (log synced; one node)',
    async stop() {
      await program.end();
      await folder.remove();
    },
  };
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`)).ok;
  } catch {
    return false;
  }
}
