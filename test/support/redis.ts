// A real Redis for tests: Debian's redis-server in a temporary folder, on a free loopback port. Can be stopped, killed and
// started again on the same data and port.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';

export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly url: string;
  /** Sends one command on a connection of its own. */
  command(...args: readonly (string | number)[]): Promise<unknown>;
  /** One line of INFO. */
  info(name: string): Promise<string>;
  /** SIGTERM: what is in memory is written first. */
  stop(): Promise<void>;
  /** SIGKILL, as when the machine's memory ran out. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  start(): Promise<void>;
  /** Ends it for good and deletes the data. */
  dispose(): Promise<void>;
}

/** Lines of redis.conf, as in `{ 'maxmemory-policy': 'allkeys-lru' }`. */
export type RedisSettings = Readonly<Record<string, string>>;

export interface RedisNodeOptions {
  readonly settings?: RedisSettings;
  readonly host?: string;
  /** Undefined: a free one. */
  readonly port?: number;
  /** Network namespace to run in; then only what runs there, too, can reach it. */
  readonly network?: string;
  readonly sentinel?: boolean;
}

const START_MS_MAX = 10_000;

/** As Onced wants it, and quick to replicate; a test overrides what it is about. */
const SETTINGS: RedisSettings = {
  appendonly: 'yes',
  appendfsync: 'everysec',
  save: '',
  'repl-diskless-sync-delay': '0',
  'protected-mode': 'no',
};

export async function startRedis(options: RedisNodeOptions = {}): Promise<RedisServer> {
  const { host = '127.0.0.1', network } = options;
  const folder = await mkdtemp(join(tmpdir(), 'onced-redis-'));
  const port = options.port ?? (await freePort());
  const own = { port: String(port), bind: host, dir: folder };
  const settings = options.sentinel === true ? own : { ...(await withBusPort(options.settings)), ...own };

  let running: Running | undefined;

  const connected = async <T>(use: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis({ host, port, lazyConnect: true, retryStrategy: () => null, replyMapping: 'legacy' });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return await use(redis);
    } finally {
      redis.disconnect();
    }
  };
  const command = async (...args: readonly (string | number)[]): Promise<unknown> => {
    const [name, ...rest] = args.map(String);
    if (network === undefined) return connected((redis) => redis.call(name ?? '', ...rest));
    return cli({ host, port, network }, args);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = running;
    running = undefined;
    await ending?.end(signal);
  };
  const server: RedisServer = {
    host,
    port,
    get pid() {
      return running?.pid ?? 0;
    },
    url: `redis://${host}:${port}`,
    command,
    async info(name) {
      const line = String(await command('info', 'everything')).match(new RegExp(`^${name}:(.*?)\\r?$`, 'm'));
      return line?.[1] ?? '';
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    pause: () => void process.kill(running?.pid ?? 0, 'SIGSTOP'),
    resume: () => void process.kill(running?.pid ?? 0, 'SIGCONT'),
    async start() {
      running = run(options, settings, folder);
      const deadlineMs = Date.now() + START_MS_MAX;
      for (;;) {
        const answer = await command('ping').catch(() => undefined);
        if (answer === 'PONG') return;
        if (Date.now() > deadlineMs || running.hasEnded())
          throw new Error(`redis-server did not start: ${running.log()}`);
        await sleep(10);
      }
    },
    async dispose() {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** By itself Redis takes its port plus 10,000 for the cluster bus, which the system may have given to somebody's connection. */
async function withBusPort(settings: RedisSettings = {}): Promise<RedisSettings> {
  const isAlone = settings['cluster-enabled'] === 'yes' && settings['cluster-port'] === undefined;
  return { ...SETTINGS, ...settings, ...(isAlone && { 'cluster-port': String(await freePort()) }) };
}

interface Running {
  readonly pid: number;
  hasEnded(): boolean;
  log(): string;
  end(signal: NodeJS.Signals): Promise<void>;
}

function run({ network, sentinel = false }: RedisNodeOptions, settings: RedisSettings, folder: string): Running {
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value === '' ? '""' : value}`);
  // A Sentinel writes into its configuration; kept when it is started again.
  const file = join(folder, 'redis.conf');
  if (!sentinel || !existsSync(file)) writeFileSync(file, lines.join('\n'));
  const program = ['redis-server', file, ...(sentinel ? ['--sentinel'] : [])];
  const command = network === undefined ? program : ['ip', 'netns', 'exec', network, ...program];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-20_000);
    });
  }
  const exit = once(child, 'exit');
  const pid = child.pid ?? 0;
  // Ends Redis when this process is gone, however it went: then the pipe closes.
  const watcher = spawn('sh', ['-c', 'read _; kill -KILL "$0"', String(pid)], { stdio: ['pipe', 'ignore', 'ignore'] });
  for (const handle of [child, watcher]) handle.unref();
  return {
    pid,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    log: () => log,
    async end(signal) {
      watcher.kill('SIGKILL');
      child.ref();
      child.kill(signal);
      if (child.exitCode === null && child.signalCode === null) await exit;
    },
  };
}

interface CliTarget {
  readonly host: string;
  readonly port: number;
  readonly network: string;
}

/** By redis-cli, for nodes that only their own network namespace reaches. */
function cli({ host, port, network }: CliTarget, args: readonly (string | number)[]): string {
  const all = ['netns', 'exec', network, 'redis-cli', '-h', host, '-p', String(port), ...args.map(String)];
  const { stdout, status, stderr } = spawnSync('ip', all, { encoding: 'utf8', timeout: 5_000 });
  if (status !== 0) throw new Error(`redis-cli failed: ${stdout} ${stderr}`);
  return stdout.trim();
}
