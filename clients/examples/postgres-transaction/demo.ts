// npm run demo:transactions -- postgres://user@host/database: an Onced server and the service on one database. The service
// is asked for transfers and killed (SIGKILL) in the middle of some, until each has its receipt. Then the rows are counted.
// Ends with 1 if a transfer happened twice, or not, or without its outcome. Leaves its tables behind.
//
//   --transfers 200   how many
//   --kills 10        how often

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { Client } from 'pg';
import { serveOnced } from '../onced-process.ts';
import type { Receipt, Transfer } from './transfer.ts';

const SERVICE = fileURLToPath(new URL('service.ts', import.meta.url));
const KILL_MS_MAX = 150;
const CENTS = 100;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { transfers: { type: 'string', default: '200' }, kills: { type: 'string', default: '10' } },
});
const url = positionals[0] ?? process.env['DATABASE_URL'];
if (url === undefined) {
  console.error('error: name a Postgres database that may be written to: npm run demo:transactions -- postgres://…');
  process.exit(2);
}

// Fresh names, so that a database that is used again knows none of them.
const run = randomUUID().slice(0, 8);
const [from, to] = [`ada-${run}`, `bob-${run}`];
const transfers = Array.from({ length: Number(values.transfers) }, (_, index) => ({ id: `${run}-${index}`, from, to }));
const pending = new Map<string, Transfer>(transfers.map((transfer) => [transfer.id, { ...transfer, cents: CENTS }]));

const onced = await serveOnced(url);
const database = new Client({ connectionString: url });
await database.connect();
try {
  let kills = 0;
  while (pending.size > 0) {
    const isLast = kills === Number(values.kills);
    await serve(url, isLast ? undefined : 1 + Math.random() * KILL_MS_MAX);
    if (!isLast) kills += 1;
  }
  process.exitCode = await count(kills);
} finally {
  await database.end();
  await onced.end('SIGTERM');
}

/** One life of the service: it gets all that has no receipt yet, and is killed after some time, or lives to the end. */
async function serve(databaseUrl: string, killMs: number | undefined): Promise<void> {
  const environment = { ...process.env, DATABASE_URL: databaseUrl, ONCED_ADDRESS: onced.address };
  const service = spawn(process.execPath, [SERVICE], { env: environment, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(service, 'exit');
  service.stdin.on('error', () => undefined);
  const said = createInterface({ input: service.stdout })[Symbol.asyncIterator]();
  await said.next();
  await database.query('insert into accounts values ($1, 0), ($2, 0) on conflict do nothing', [from, to]);
  if (killMs !== undefined) setTimeout(() => service.kill('SIGKILL'), killMs);
  service.stdin.end([...pending.values()].map((transfer) => `${JSON.stringify(transfer)}\n`).join(''));
  for await (const line of { [Symbol.asyncIterator]: () => said }) pending.delete((JSON.parse(line) as Receipt).id);
  await ended;
  // The one that was interrupted is leased for some seconds yet: it is asked for last.
  const [interrupted] = pending;
  if (interrupted === undefined) return;
  pending.delete(interrupted[0]);
  pending.set(...interrupted);
}

async function count(kills: number): Promise<0 | 1> {
  const { rows } = await database.query<{ moved: number; distinct: number; cents: number; outcomes: number }>(
    `select count(*)::int as moved, count(distinct id)::int as distinct,
            (select cents from accounts where name = $1)::int as cents,
            (select count(*) from onced_store.records r
              where r.namespace = 'transfers' and r.state = 'COMPLETED' and convert_from(r.key, 'UTF8') like $2 || '-%')::int as outcomes
       from transfers where to_account = $1`,
    [to, run],
  );
  const [found] = rows;
  const table = new Table({ head: ['', ''], style: { head: [], border: [] } });
  table.push(
    ['transfers asked for', transfers.length],
    ['kills of the service', kills],
    ['transfers in the database', found?.moved],
    ['outcomes in Onced', found?.outcomes],
    ['cents moved', found?.cents],
  );
  console.log(table.toString());
  const all = [found?.moved, found?.distinct, found?.outcomes, (found?.cents ?? 0) / CENTS];
  const isRight = all.every((figure) => figure === transfers.length);
  console.log(isRight ? 'each happened once, with its outcome' : 'error: that is not each once, with its outcome');
  return isRight ? 0 : 1;
}
