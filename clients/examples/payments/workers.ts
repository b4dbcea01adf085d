// Two workers behind which customers stand, as behind a load balancer: one that is killed is replaced.

import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./worker.ts', import.meta.url));
const WORKERS = 2;

export interface Workers extends Disposable {
  /** Of one that lives. */
  url(): string;
  /** SIGKILL, and another takes its place. */
  kill(pid: number): void;
  readonly killed: number;
}

/** Resolves once all of them serve. */
export async function startWorkers(args: readonly string[]): Promise<Workers> {
  const urls = new Map<number, string>();
  const children = new Set<ChildProcess>();
  let isOver = false;
  let killed = 0;
  let turn = 0;

  const start = async (): Promise<void> => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.add(child);
    child.once('exit', () => {
      children.delete(child);
      urls.delete(child.pid ?? 0);
      if (!isOver) void start().catch((error: unknown) => console.error(String(error)));
    });
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding('utf8').once('data', (line: string) => resolve(line.trim()));
      child.once('exit', (code) => reject(new Error(`a worker ended with ${code} before it served`)));
    });
    urls.set(child.pid ?? 0, url);
  };
  await Promise.all(Array.from({ length: WORKERS }, start));

  return {
    url() {
      turn += 1;
      return [...urls.values()][turn % Math.max(1, urls.size)] ?? '';
    },
    kill(pid) {
      if (!urls.delete(pid)) return;
      killed += 1;
      process.kill(pid, 'SIGKILL');
    },
    get killed() {
      return killed;
    },
    [Symbol.dispose]() {
      isOver = true;
      for (const child of children) child.kill('SIGKILL');
    },
  };
}
