// The real command line as a child process: what it prints, how it ends, and a served one with its addresses.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('../../', import.meta.url);
const ONCED = [process.execPath, new URL('cli/main.ts', ROOT).pathname] as const;
const END_MS_MAX = 35_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** The folder that relative paths start from. */
  readonly folder?: string;
  /** Instead of `onced` (and `serve`); the arguments go after. */
  readonly program?: readonly [string, ...string[]];
  /** It has a terminal, at which this is typed. What it prints is all on standard output then. */
  readonly typed?: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** `script` lends the command a terminal, and ends as it did. */
const atTerminal = (words: readonly string[]): readonly [string, ...string[]] => [
  'script',
  '--quiet',
  '--return',
  '--command',
  words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' '),
  '/dev/null',
];

function start(args: readonly string[], { environment, folder, program = ONCED, typed }: RunOptions): Started {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('ONCED_'));
  const words = [...program, ...args];
  const [command = '', ...rest] = typed === undefined ? words : atTerminal(words);
  const child = spawn(command, rest, {
    cwd: folder ?? ROOT.pathname,
    env: { ...Object.fromEntries(inherited), ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(typed);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended, stdout: () => stdout, stderr: () => stderr };
}

/** One command to its end. */
export async function runOnced(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { child, ended } = start(args, options);
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
  return ended.finally(() => clearTimeout(timer));
}

export interface Served extends AsyncDisposable {
  readonly grpc: string;
  /** With http:// before it, or https:// with TLS. */
  readonly http: string;
  readonly pid: number;
  readonly ended: Promise<Ended>;
  readonly stderr: () => string;
  kill(signal: NodeJS.Signals): void;
}

/** `onced serve` on free ports, once it has said where. Rejects with all it printed when it ends before. */
export async function serveOnced(args: readonly string[], options: RunOptions = {}): Promise<Served> {
  const ports = ['--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const { child, ended, stdout, stderr } = start(
    [...(options.program === undefined ? ['serve'] : []), ...ports, ...args],
    options,
  );
  const [, grpc = '', http = ''] = await new Promise<RegExpExecArray>((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
    child.stdout?.on('data', () => {
      const said = /serves gRPC on (\S+) and HTTP on (https?:\S+),/.exec(stdout());
      if (said === null) return;
      clearTimeout(timer);
      resolve(said);
    });
    void ended.then(({ code }) => reject(new Error(`onced serve ended with ${code}: ${stdout()}${stderr()}`)));
  });
  return {
    grpc,
    http,
    pid: child.pid ?? 0,
    ended,
    stderr,
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export interface Folder extends AsyncDisposable {
  readonly path: string;
}

export async function makeFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'onced-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
