// An Onced server of the demo's own, which can be killed and started again on the same file and port.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveOnced } from '../onced-process.ts';

/** Short, since customers wait for the leases of killed workers. */
const POLICIES = `
namespaces:
  demo/take-over: { on_lease_expiry: TAKE_OVER, lease: 2s }
  demo/hold: { on_lease_expiry: HOLD, lease: 2s }
`;

export interface DemoServer {
  readonly address: string;
  /** SIGKILL, then a new process. Resolves once that serves. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startServer(): Promise<DemoServer> {
  const folder = await mkdtemp(join(tmpdir(), 'onced-demo-'));
  const store = `sqlite:${join(folder, 'onced.db')}`;
  const config = join(folder, 'onced.yaml');
  await writeFile(config, POLICIES);
  let running = await serveOnced(store, { config });
  return {
    address: running.address,
    async killAndRestart() {
      await running.end('SIGKILL');
      running = await serveOnced(store, { config, address: running.address });
    },
    async stop() {
      await running.end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
