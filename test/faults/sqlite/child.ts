// Runs load.ts in a process of its own and collects what it says.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Said =
  | { readonly kind: 'open' }
  | { readonly kind: 'claimed'; readonly key: string; readonly leaseToken: string }
  | { readonly kind: 'settled'; readonly key: string; readonly result: string }
  | { readonly kind: 'fatal'; readonly reason: string }
  | { readonly kind: 'rejected'; readonly count: number };

export interface LoadProcess {
  /** Everything said so far, in order. */
  readonly said: readonly Said[];
  readonly stderr: () => string;
  /** Resolves once this much was said; rejects when the process ends first. */
  until(isEnough: (said: readonly Said[]) => boolean): Promise<void>;
  /** Resolves once the process is gone and all it said was read. */
  ended(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  kill(): void;
}

const LOAD = fileURLToPath(new URL('./load.ts', import.meta.url));
const LIFETIME_MS_MAX = 30_000;

export function startLoad(options: {
  readonly path: string;
  readonly mode: string;
  /** A command to run it under. */
  readonly under?: readonly string[];
}): LoadProcess {
  const words = [...(options.under ?? []), process.execPath, LOAD, options.path, options.mode];
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  const lifetime = setTimeout(() => child.kill('SIGKILL'), LIFETIME_MS_MAX);
  const said: Said[] = [];
  const listeners = new Set<() => void>();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  createInterface({ input: child.stdout }).on('line', (line) => {
    // A kill may cut the last line short: what was not said whole was not said.
    if (line.endsWith('}')) said.push(JSON.parse(line) as Said);
    for (const listener of listeners) listener();
  });
  const ending = closed(child).finally(() => clearTimeout(lifetime));
  return {
    said,
    stderr: () => stderr,
    until: (isEnough) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (isEnough(said)) resolve();
        };
        listeners.add(look);
        look();
        void ending.then(() => reject(new Error(`the process ended first: ${stderr}`)));
      }),
    ended: () => ending,
    kill: () => void child.kill('SIGKILL'),
  };
}

async function closed(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}
