// An Onced server of the demo's own, in a process that can be killed and started again on the same file and port.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));
const START_MS_MAX = 30_000;

export interface DemoServer {
  readonly address: string;
  /** SIGKILL, then a new process. Resolves once that serves. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startServer(): Promise<DemoServer> {
  const folder = await mkdtemp(join(tmpdir(), 'onced-demo-'));
  const store = `sqlite:${join(folder, 'onced.db')}`;
  let running = await serve(store, '127.0.0.1:0');
  return {
    address: running.address,
    async killAndRestart() {
      await end(running.child, 'SIGKILL');
      running = await serve(store, running.address);
    },
    async stop() {
      await end(running.child, 'SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function serve(store: string, address: string): Promise<{ child: ChildProcess; address: string }> {
  const args = [MAIN, 'serve', '--store', store, '--grpc', address, '--http', '127.0.0.1:0'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  let said = '';
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  try {
    return await new Promise((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        said += chunk.toString();
        const where = /serves gRPC on (\S+)/u.exec(said)?.[1];
        if (where !== undefined) resolve({ child, address: where });
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the Onced server ended with ${code}: ${said}`)));
    });
  } finally {
    clearTimeout(timer);
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}
