// npm run demo: a thousand orders through a shaky payment provider, and what was charged: without Onced; with it while its
// server is killed; and with it while the service's own workers are killed right after a charge, under both policies.
// Ends with 1 if Onced let a double charge through.
//
//   --orders 1000              how many
//   --address 127.0.0.1:50051  use this server instead of one of its own; nothing is killed then
//
// Where `npm start` serves, that server gets a round too, so that its console has something to show.

import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { createClient } from '../../node/index.ts';
import { payDirectly, payOnce, startEndpoint, startReconciling } from './endpoint.ts';
import { startProvider, type AfterCharge } from './provider.ts';
import { startServer, type DemoServer } from './server.ts';
import { goShopping, type Result } from './trip.ts';
import { startWorkers, type Workers } from './workers.ts';

/** The default of `onced serve`. */
const STARTED_ADDRESS = '127.0.0.1:50051';
/** A worker is killed each time that so many have been charged. */
const CHARGES_PER_KILL = 300;

interface Row extends Result {
  readonly kills?: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { orders: { type: 'string', default: '1000' }, address: { type: 'string' } },
  });
  const count = Number(values.orders);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--orders must be a whole number, found ${values.orders}`);
  const { address } = values;

  const without = await shopWithout(count);
  const running = address ?? ((await isServed(STARTED_ADDRESS)) ? STARTED_ADDRESS : undefined);
  const withRunning = running === undefined ? [] : [await shopWith(count, running)];
  const withOnced = address === undefined ? [...withRunning, ...(await shopAndKill(count))] : withRunning;
  show([without, ...withOnced]);
  process.exitCode = Math.max(...withOnced.map(verdict));
}

/** By an Onced that asks for no credentials. */
async function isServed(address: string): Promise<boolean> {
  using onced = createClient({ address });
  return await onced.serverInfo({ timeoutMs: 1000 }).then(
    () => true,
    () => false,
  );
}

async function shopWithout(count: number): Promise<Row> {
  using provider = await startProvider();
  using endpoint = await startEndpoint(payDirectly(provider.url));
  return await goShopping({ name: 'without Onced', count, provider, urlOf: () => endpoint.url });
}

async function shopAndKill(count: number): Promise<readonly Row[]> {
  const server = await startServer();
  try {
    const serverKilled = await shopWith(count, server.address, server);
    // At the same time: mostly they wait for the leases of the dead.
    const policies = ['take-over', 'hold'] as const;
    const workersKilled = policies.map(async (policy) => shopWithWorkers(count, server.address, policy));
    return [serverKilled, ...(await Promise.all(workersKilled))];
  } finally {
    await server.stop();
  }
}

async function shopWith(count: number, address: string, server?: DemoServer): Promise<Row> {
  using provider = await startProvider();
  using onced = createClient({ address });
  const place = { providerUrl: provider.url, onced, namespace: 'demo/payments' };
  using _reconciling = startReconciling(place);
  using endpoint = await startEndpoint(payOnce(place));
  const trip = { count, provider, urlOf: () => endpoint.url };
  if (server === undefined) return await goShopping({ name: 'with Onced', ...trip });
  const onHalf = async (): Promise<void> => {
    console.log('killing the Onced server (SIGKILL) and starting it again');
    await server.killAndRestart();
    console.log('the Onced server is back');
  };
  const result = await goShopping({ name: 'Onced killed', ...trip, onHalf });
  return { ...result, kills: 1 };
}

/**
 * Now and then the money moves, the reply is lost, and the worker that waits for it is killed, with all else that it was
 * doing. TAKE_OVER: the next attempt sees the checkpoint and asks the provider. HOLD: nothing runs until somebody has.
 */
async function shopWithWorkers(count: number, address: string, policy: 'take-over' | 'hold'): Promise<Row> {
  let workers: Workers | undefined;
  const killWorker: AfterCharge = (charges, worker) => {
    const isDue = charges % CHARGES_PER_KILL === CHARGES_PER_KILL / 2;
    if (isDue) workers?.kill(worker);
    return isDue;
  };
  using provider = await startProvider(killWorker);
  using started = await startWorkers([policy, address, provider.url]);
  workers = started;
  using onced = createClient({ address });
  const place = { providerUrl: provider.url, onced, namespace: `demo/${policy}` };
  using _reconciling = policy === 'hold' ? startReconciling(place) : undefined;
  const name = policy === 'hold' ? 'workers killed, HOLD' : 'workers killed, TAKE_OVER';
  const result = await goShopping({ name, count, provider, urlOf: () => started.url() });
  return { ...result, kills: started.killed };
}

function show(rows: readonly Row[]): void {
  const table = new Table({
    head: ['', 'orders', 'presses', 'kills', 'provider asked', 'charges', 'double charges'],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, orders, presses, kills = 0, questions, charges, doubles } of rows) {
    table.push([name, orders, presses, kills, questions, charges, doubles]);
  }
  console.log(`\n${table.toString()}`);
}

/** 1 when Onced let a double charge through, or left somebody without a receipt. */
function verdict({ name, doubles, paid, orders }: Row): 0 | 1 {
  if (doubles > 0) console.error(`error: ${doubles} double charges (${name})`);
  if (paid < orders) console.error(`error: ${orders - paid} orders were left without a receipt (${name})`);
  return doubles > 0 || paid < orders ? 1 : 0;
}

// So that its server does not outlive a demo that is stopped.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

await main();
