// npm run demo: a thousand orders through a shaky payment provider, without Onced and with it, and what was charged.
// With Onced its server is killed and restarted in the middle. Ends with 1 if that let a double charge through.
//
//   --orders 1000              how many
//   --address 127.0.0.1:50051  use this server instead of one of its own; it is not killed then

import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { createClient } from '../../node/index.ts';
import { shop } from './customers.ts';
import { payDirectly, payOnce, startEndpoint, startReconciling, type Pay } from './endpoint.ts';
import { startProvider, type Provider } from './provider.ts';
import { startServer, type DemoServer } from './server.ts';

interface Result {
  readonly name: string;
  readonly orders: number;
  readonly calls: number;
  readonly paid: number;
  readonly charges: number;
  readonly doubles: number;
}

const PROGRESS_EVERY_MS = 1_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { orders: { type: 'string', default: '1000' }, address: { type: 'string' } },
  });
  const count = Number(values.orders);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--orders must be a whole number, found ${values.orders}`);

  const without = await shopWithout(count);
  const server = values.address === undefined ? await startServer() : undefined;
  try {
    const withOnced = await shopWith(count, values.address ?? server?.address ?? '', server);
    show([without, withOnced]);
    process.exitCode = verdict(withOnced);
  } finally {
    await server?.stop();
  }
}

async function shopWithout(count: number): Promise<Result> {
  using provider = await startProvider();
  return await goShopping({ name: 'without Onced', count, provider, pay: payDirectly(provider.url) });
}

async function shopWith(count: number, address: string, server: DemoServer | undefined): Promise<Result> {
  using provider = await startProvider();
  using onced = createClient({ address });
  using _reconciling = startReconciling(provider.url, onced);
  const pay = payOnce(provider.url, onced);
  if (server === undefined) return await goShopping({ name: 'with Onced', count, provider, pay });
  const onHalf = async (): Promise<void> => {
    console.log('killing the Onced server (SIGKILL) and starting it again');
    await server.killAndRestart();
    console.log('the Onced server is back');
  };
  return await goShopping({ name: 'with Onced, its server killed half way', count, provider, pay, onHalf });
}

interface Trip {
  readonly name: string;
  readonly count: number;
  readonly provider: Provider;
  readonly pay: Pay;
  /** Called once, when half of the orders have their receipt. */
  readonly onHalf?: () => Promise<void>;
}

async function goShopping({ name, count, provider, pay, onHalf }: Trip): Promise<Result> {
  using endpoint = await startEndpoint(pay);
  // Fresh names, so that a server that is used again knows none of them.
  const runId = randomUUID().slice(0, 8);
  const orders = Array.from({ length: count }, (_, index) => `order-${runId}-${index + 1}`);
  let paid = 0;
  let half: Promise<void> | undefined;
  const tell = (): void => console.log(`${name}: ${paid} of ${count} orders have a receipt`);
  const progress = setInterval(tell, PROGRESS_EVERY_MS);
  try {
    await shop(endpoint.url, orders, () => {
      paid += 1;
      if (paid >= count / 2) half ??= onHalf?.();
    });
    await half;
  } finally {
    clearInterval(progress);
  }
  tell();
  const charges = provider.charges.length;
  const charged = new Set(provider.charges.map(({ order }) => order)).size;
  return { name, orders: count, calls: endpoint.calls, paid, charges, doubles: charges - charged };
}

function show(results: readonly Result[]): void {
  const table = new Table({
    head: ['', 'orders', 'calls', 'charges', 'double charges'],
    style: { head: [], border: [] },
  });
  for (const { name, orders, calls, charges, doubles } of results) table.push([name, orders, calls, charges, doubles]);
  console.log(`\n${table.toString()}`);
}

/** 1 when Onced let a double charge through, or left somebody without a receipt. */
function verdict({ doubles, paid, orders }: Result): 0 | 1 {
  if (doubles > 0) console.error(`error: ${doubles} double charges with Onced`);
  if (paid < orders) console.error(`error: ${orders - paid} orders were left without a receipt`);
  return doubles > 0 || paid < orders ? 1 : 0;
}

// So that its server does not outlive a demo that is stopped.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

await main();
