// Runners and proxies as child processes.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Report, Runner } from './judge.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RUNNER_MS_MAX = 180_000;

export interface Proxy extends AsyncDisposable {
  readonly grpc: string;
  readonly http: string;
  readonly control: string;
  readonly seed: number;
}

export async function startProxy(server: { readonly grpc: string; readonly http: string }): Promise<Proxy> {
  const program = fileURLToPath(new URL('faulty-proxy.ts', import.meta.url));
  const args = [program, '--grpc', server.grpc, '--http', server.http];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {
    ...(JSON.parse(line) as Omit<Proxy, keyof AsyncDisposable>),
    async [Symbol.asyncDispose]() {
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
    },
  };
}

/** Runs it to its end. Rejects when it fails, takes too long, or says nothing that can be read. */
export async function askRunner(
  { name, command }: Runner,
  question: Readonly<Record<string, unknown>> & Pick<Report, 'phase'>,
): Promise<Report> {
  const program = `exec ${command} "$0"`;
  const child = spawn('sh', ['-c', program, JSON.stringify({ name, ...question })], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), RUNNER_MS_MAX);
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  if (code !== 0) throw new Error(`the runner ${name} ended with ${code}: ${printed}`);
  const last = printed.trimEnd().split('\n').at(-1) ?? '';
  return { ...(JSON.parse(last) as Omit<Report, 'name' | 'phase'>), name, phase: question.phase };
}
