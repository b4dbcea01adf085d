// Programs that the benchmark starts: output kept for the error message, ended by pid, never left behind.

import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Program {
  readonly pid: number;
  /** Everything it wrote so far, the last 64 KiB of it. */
  output(): string;
  /** SIGTERM, and SIGKILL when that is not enough. */
  end(): Promise<void>;
}

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** Returns the address when the output says that the program is ready. */
  readonly isReady: (output: string) => boolean | Promise<boolean>;
  readonly readyMsMax?: number;
}

const OUTPUT_CHARACTERS_MAX = 64 * 1024;
const running = new Set<ChildProcess>();
const folders = new Set<string>();
// Also when the benchmark is interrupted or dies of an error: what outlives it would falsify the next run.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

export async function startProgram(options: ProgramOptions): Promise<Program> {
  const spawnOptions: SpawnOptions = {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
    ...(options.folder === undefined ? {} : { cwd: options.folder }),
  };
  const child = spawn(options.command, options.args, spawnOptions);
  running.add(child);
  let output = '';
  let trouble: Error | undefined;
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  child.on('error', (error) => (trouble = error));
  child.on('exit', () => running.delete(child));

  const untilMs = performance.now() + (options.readyMsMax ?? 30_000);
  while (!(await options.isReady(output))) {
    if (trouble !== undefined) throw new Error(`${options.command} did not start: ${trouble.message}`);
    if (child.exitCode !== null) throw new Error(`${options.command} ended at once: ${output.slice(-2000)}`);
    if (performance.now() > untilMs) {
      child.kill('SIGKILL');
      throw new Error(`${options.command} was not ready in time: ${output.slice(-2000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { pid: child.pid ?? 0, output: () => output, end: () => endChild(child) };
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await exit;
  clearTimeout(timer);
}

/** For programs that cannot say which free port they took. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface Folder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(name: string): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), `onced-bench-${name}-`));
  folders.add(path);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true });
      folders.delete(path);
    },
  };
}
