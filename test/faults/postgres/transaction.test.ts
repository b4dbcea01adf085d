// The example service is killed in the middle of a transfer, again and again: the money has moved and the outcome is
// recorded, or neither.

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { execute, startPostgres, type PostgresServer } from '../../support/postgres.ts';
import { serveOnced, type Served } from '../../support/onced.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

const ROUNDS = Number(process.env['ONCED_TRANSACTION_KILLS'] ?? 200);
const SERVICE = fileURLToPath(new URL('../../../clients/examples/postgres-transaction/service.ts', import.meta.url));
/** Each statement takes so long on its way, so that a kill at a random time falls between any two of them. */
const DELAY_MS = 4;
/** A transfer is six statements, there and back: some kills come when all is committed. */
const KILL_MS_MAX = DELAY_MS * 2 * 6 * 2;

describe('a service that is killed between its own rows and the outcome', () => {
  let postgres: PostgresServer;
  let url: string;
  let proxy: TcpProxy;
  let onced: Served;
  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase();
    proxy = await startTcpProxy({ host: '127.0.0.1', port: postgres.port });
    onced = await serveOnced(['--store', url]);
  });
  afterAll(async () => {
    await onced[Symbol.asyncDispose]();
    await proxy.close();
    await postgres.dispose();
  });

  const lineOf = (id: string): string => `${JSON.stringify({ id, from: 'ada', to: 'bob', cents: 100 })}\n`;

  test(
    `${ROUNDS} times: never one without the other, and in the end each transfer happened once`,
    { timeout: ROUNDS * 3_000 },
    async () => {
      const service = () => startService({ url, port: proxy.port, address: onced.grpc });
      let next = service();
      await next;
      await execute(url, `insert into accounts values ('ada', 1000000), ('bob', 0)`);
      proxy.delay(DELAY_MS);
      let moved = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const running = await next;
        next = service();
        // Connections are made by the first transfer; the one that is killed shall spend its time in the transaction.
        running.stdin.write(lineOf(`warm-up-${round}`));
        await running.said();
        running.stdin.write(lineOf(`transfer-${round}`));
        await sleep(Math.random() * KILL_MS_MAX);
        await running.kill();
        await allEnded(url);
        const [hasMoved, isCompleted] = await stateOf(url, round);
        expect([round, hasMoved, isCompleted]).toEqual([round, hasMoved, hasMoved]);
        moved += hasMoved ? 1 : 0;
      }
      console.log(`${ROUNDS} kills: ${moved} after the commit, ${ROUNDS - moved} before`);
      expect(moved).toBeGreaterThan(0);
      expect(moved).toBeLessThan(ROUNDS);

      proxy.heal();
      const last = await next;
      for (let round = 0; round < ROUNDS; round += 1) last.stdin.write(lineOf(`transfer-${round}`));
      last.stdin.end();
      await last.ended;
      const { rows } = await execute(
        url,
        `select (select cents from accounts where name = 'bob')::integer as bob, count(*)::integer as transfers, count(distinct id)::integer as ids from transfers`,
      );
      // A warm-up and a transfer in each round.
      expect(rows).toEqual([{ bob: ROUNDS * 200, transfers: ROUNDS * 2, ids: ROUNDS * 2 }]);
    },
  );
});

const sleep = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves once Postgres has done what the killed service had sent. */
async function allEnded(url: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const { rowCount } = await execute(
        url,
        `select from pg_stat_activity where application_name = 'transfers' and state <> 'idle'`,
      );
      expect(rowCount).toBe(0);
    },
    { timeout: 5_000, interval: 5 },
  );
}

async function stateOf(url: string, round: number): Promise<[hasMoved: boolean, isCompleted: boolean]> {
  const { rows } = await execute(
    url,
    `select exists (select from transfers where id = $1) as moved,
            exists (select from onced_store.records where key = convert_to($1, 'UTF8') and state = 'COMPLETED') as completed`,
    [`transfer-${round}`],
  );
  const [row] = rows as { moved: boolean; completed: boolean }[];
  return [row?.moved === true, row?.completed === true];
}

interface Service {
  readonly stdin: Writable;
  readonly ended: Promise<unknown>;
  /** Resolves at the next line of output. */
  said(): Promise<unknown>;
  kill(): Promise<void>;
}

async function startService(place: { url: string; port: number; address: string }): Promise<Service> {
  const through = new URL(place.url);
  through.port = String(place.port);
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, [SERVICE], {
    env: { ...process.env, DATABASE_URL: through.href, ONCED_ADDRESS: place.address },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const said = (): Promise<unknown> => Promise.race([once(child.stdout, 'data'), ended]);
  child.stdout.resume();
  await said();
  return {
    stdin: child.stdin,
    ended,
    said,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
