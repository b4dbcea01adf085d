// A PgBouncer in transaction mode before a Postgres for tests: two transactions of one client need not share a session.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { execute, type PostgresServer } from './postgres.ts';

export interface Pooler {
  /** The same database, through the pooler. */
  through(url: string): string;
  dispose(): Promise<void>;
}

const START_MS_MAX = 10_000;

export async function startPgBouncer(postgres: PostgresServer): Promise<Pooler> {
  const folder = await mkdtemp(join(tmpdir(), 'onced-pgbouncer-'));
  const port = await freePort();
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, settingsOf(postgres, port));
  await chmod(folder, 0o755);
  // Refuses to run as root, like Postgres.
  const asNobody = process.getuid?.() === 0 ? ['--user', 'nobody'] : [];
  const child = spawn('pgbouncer', [...asNobody, file], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const through = (url: string): string => {
    const pooled = new URL(url);
    pooled.port = String(port);
    return pooled.href;
  };
  await untilItAnswers(through(postgres.url));
  return {
    through,
    async dispose() {
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const settingsOf = (postgres: PostgresServer, port: number): string => `[databases]
* = host=127.0.0.1 port=${postgres.port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
`;

async function untilItAnswers(url: string): Promise<void> {
  const endMs = performance.now() + START_MS_MAX;
  for (;;) {
    try {
      await execute(url, 'select 1');
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
