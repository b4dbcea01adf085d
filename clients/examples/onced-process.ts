// An Onced server of a demo's own, in a process that can be killed.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const START_MS_MAX = 30_000;

export interface OncedProcess {
  readonly address: string;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Resolves once it serves. It does not outlive this process. */
export async function serveOnced(
  store: string,
  { address = '127.0.0.1:0', config }: { readonly address?: string; readonly config?: string } = {},
): Promise<OncedProcess> {
  const file = config === undefined ? [] : ['--config', config];
  const args = [MAIN, 'serve', '--store', store, '--grpc', address, '--http', '127.0.0.1:0', ...file];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  let said = '';
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  try {
    return await new Promise((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        said += chunk.toString();
        const where = /serves gRPC on (\S+)/u.exec(said)?.[1];
        if (where !== undefined) resolve({ address: where, end: (signal) => end(child, signal) });
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
