// A service with the example's transfers is killed in the middle of one, again and again: the money has moved and the outcome
// is recorded, or neither. A service that tells Onced after its commit leaves one without the other.

import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { serveOnced, type Served } from '../../support/onced.ts';
import { startPostgres, type PostgresServer } from '../../support/postgres.ts';
import { startTcpProxy, type Fate, type TcpProxy } from '../../support/tcp-proxy.ts';

const ROUNDS = Number(process.env['ONCED_TRANSACTION_KILLS'] ?? 200);
const CONTROL_ROUNDS = 10;
const EXAMPLE = new URL('../../../clients/examples/postgres-transaction/', import.meta.url);
const SERVICE = fileURLToPath(new URL('service.ts', EXAMPLE));
const DEMO = fileURLToPath(new URL('demo.ts', EXAMPLE));
const SMALL = fileURLToPath(new URL('small-service.ts', import.meta.url));
const SETTLES_OUTSIDE = fileURLToPath(new URL('settle-outside.ts', import.meta.url));

/** When it is killed: as this statement comes by on its way to Postgres, and whether it arrives, and its reply. */
type Moment = readonly [statement: string, fate: Fate];
const MOMENTS: readonly Moment[] = [
  ['update accounts set cents = cents +', 'lose'], // between two of its own rows
  ['onced.complete', 'lose'], // its rows are written, the outcome is not
  ['onced.complete', 'pass'],
  ['commit', 'lose'], // both are written, not committed
  ['commit', 'pass'],
  ['commit', 'lose reply'], // committed, and nobody was told
];

describe('a service that is killed between its own rows and the outcome', () => {
  let postgres: PostgresServer;
  let url: string;
  let database: Client;
  let proxy: TcpProxy;
  let onced: Served;
  const services = new Set<Service>();
  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase();
    database = new Client({ connectionString: url });
    await database.connect();
    proxy = await startTcpProxy({ host: '127.0.0.1', port: postgres.port });
    onced = await serveOnced(['--store', url, '--log-level', 'error']);
  });
  afterAll(async () => {
    await Promise.all([...services].map((service) => service.kill()));
    await database.end();
    await onced[Symbol.asyncDispose]();
    await proxy.close();
    await postgres.dispose();
  });

  const start = async (program: string): Promise<Service> => {
    const through = new URL(url);
    through.port = String(proxy.port);
    const onceds = { ONCED_ADDRESS: onced.grpc, ONCED_HTTP: onced.http };
    const service = await startService(program, { DATABASE_URL: through.href, ...onceds });
    services.add(service);
    void service.ended.then(() => services.delete(service));
    return service;
  };

  /** Kills one service at this moment of this transfer; whether the money moved, and the outcome was recorded, by then. */
  const killAt = async (
    [statement, fate]: Moment,
    service: Service,
    id: string,
  ): Promise<readonly [boolean, boolean]> => {
    const caught = proxy.catchNextRequest((request) => request.includes(statement), fate);
    service.stdin.write(lineOf(id));
    await Promise.race([caught, service.ended.then(() => expect.fail(`the service ended by itself at ${id}`))]);
    // Until Postgres has made it durable: else the control would be killed too early to show anything.
    if (fate === 'lose reply') await vi.waitFor(async () => expect(await hasMoved(id)).toBe(true), { timeout: 30_000 });
    await service.kill();
    await allEnded();
    return [await hasMoved(id), await isCompleted(id)];
  };

  const isTrue = async (sql: string, id: string): Promise<boolean> =>
    (await database.query<{ yes: boolean }>(`select exists (${sql}) as yes`, [id])).rows[0]?.yes === true;
  const hasMoved = (id: string): Promise<boolean> => isTrue('select from transfers where id = $1', id);
  const isCompleted = (id: string): Promise<boolean> =>
    isTrue(`select from onced_store.records where key = convert_to($1, 'UTF8') and state = 'COMPLETED'`, id);

  /** Resolves once Postgres has done what the killed service had sent. */
  const allEnded = (): Promise<void> =>
    vi.waitFor(
      async () => {
        const { rowCount } = await database.query(
          `select from pg_stat_activity where application_name = 'transfers' and state <> 'idle'`,
        );
        expect(rowCount).toBe(0);
      },
      { timeout: 30_000, interval: 5 },
    );

  test(
    `${ROUNDS} times: never one without the other, and in the end each transfer happened once`,
    { timeout: ROUNDS * 3_000 },
    async () => {
      // The example makes its tables, and in the end does what was interrupted.
      const last = await start(SERVICE);
      await database.query(`insert into accounts values ('ada', 1000000), ('bob', 0)`);
      let next = start(SMALL);
      let moved = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const service = await next;
        next = start(SMALL);
        const moment = MOMENTS[round % MOMENTS.length] ?? ['commit', 'pass'];
        const [has, is] = await killAt(moment, service, `transfer-${round}`);
        expect([round, moment, is]).toEqual([round, moment, has]);
        moved += has ? 1 : 0;
      }
      console.log(`${ROUNDS} kills: ${moved} after the commit, ${ROUNDS - moved} before`);
      expect(moved).toBeGreaterThan(0);
      expect(moved).toBeLessThan(ROUNDS);

      await (await next).kill();
      for (let round = 0; round < ROUNDS; round += 1) last.stdin.write(lineOf(`transfer-${round}`));
      last.stdin.end();
      await last.ended;
      const { rows } = await database.query(
        `select (select cents from accounts where name = 'bob')::integer as bob, count(*)::integer as transfers, count(distinct id)::integer as ids from transfers`,
      );
      expect(rows).toEqual([{ bob: ROUNDS * 100, transfers: ROUNDS, ids: ROUNDS }]);
    },
  );

  test(
    'the control: told after the commit, the money has moved and Onced does not know',
    { timeout: 120_000 },
    async () => {
      for (let round = 0; round < CONTROL_ROUNDS; round += 1) {
        const service = await start(SETTLES_OUTSIDE);
        expect(await killAt(['commit', 'lose reply'], service, `control-${round}`)).toEqual([true, false]);
      }
    },
  );

  test('the demo kills it too, and counts the same', { timeout: 120_000 }, async () => {
    const args = [DEMO, url, '--transfers', '60', '--kills', '3'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 100_000 });
    expect(stdout).toContain('each happened once, with its outcome');
  });
});

const lineOf = (id: string): string => `${JSON.stringify({ id, from: 'ada', to: 'bob', cents: 100 })}\n`;

interface Service {
  readonly stdin: Writable;
  readonly ended: Promise<unknown>;
  kill(): Promise<void>;
}

/** Resolves when it has said that it is ready. */
async function startService(program: string, environment: Readonly<Record<string, string>>): Promise<Service> {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, [program], {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), ended]);
  child.stdout.resume();
  return {
    stdin: child.stdin,
    ended,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
