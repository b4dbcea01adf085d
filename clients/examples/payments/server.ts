// An Onced server of the demo's own, which can be killed and started again on the same file and port.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveOnced } from '../onced-process.ts';

export interface DemoServer {
  readonly address: string;
  /** SIGKILL, then a new process. Resolves once that serves. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startServer(): Promise<DemoServer> {
  const folder = await mkdtemp(join(tmpdir(), 'onced-demo-'));
  const store = `sqlite:${join(folder, 'onced.db')}`;
  let running = await serveOnced(store);
  return {
    address: running.address,
    async killAndRestart() {
      await running.end('SIGKILL');
      running = await serveOnced(store, running.address);
    },
    async stop() {
      await running.end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
