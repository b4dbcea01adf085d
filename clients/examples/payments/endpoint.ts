// The service that shops use: POST /pay {order, amount}. The same charge behind it with and without Onced.

import { createServer } from 'node:http';
import { OrphanedError, RetryableError, type OncedClient } from '../../node/index.ts';
import { listen, readJson, reply, type Listener } from './http.ts';
import type { Charge } from './provider.ts';

const NAMESPACE = 'demo/payments';
/** Longer than the provider's slowest answer. */
const PROVIDER_TIMEOUT_MS = 5_000;
const RECONCILE_EVERY_MS = 250;

interface Order {
  readonly order: string;
  readonly amount: number;
}

export type Pay = (order: Order) => Promise<Charge>;

export interface Endpoint extends Listener {
  /** Requests that it was sent. */
  readonly calls: number;
}

/** Charges at once, as most services do. */
export const payDirectly =
  (providerUrl: string): Pay =>
  async (order) =>
    charge(providerUrl, order);

/** Charges once per order. */
export const payOnce =
  (providerUrl: string, onced: OncedClient): Pay =>
  async (order) => {
    // The provider may have charged when its answer is lost. That error says nothing of it, so the order is held.
    const paid = await onced.runOnce(NAMESPACE, order.order, order, async () => charge(providerUrl, order));
    return paid.value;
  };

/** Asks the provider about orders of which nobody knows whether they were charged. Until disposed of. */
export function startReconciling(providerUrl: string, onced: OncedClient): Disposable {
  const timer = setInterval(() => {
    // A server that is away is asked again next time.
    onced.reconcile(NAMESPACE, async ({ key }) => findCharge(providerUrl, key), { limit: 100 }).catch(() => {});
  }, RECONCILE_EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

export async function startEndpoint(pay: Pay): Promise<Endpoint> {
  let calls = 0;
  const server = createServer((request, response) => {
    calls += 1;
    void (async () => {
      try {
        reply(response, 200, await pay((await readJson(request)) as Order));
      } catch (error) {
        // 503: ask again, with the same order. The charge may be under review, or the provider unreachable.
        reply(response, 503, { error: error instanceof OrphanedError ? 'under review' : 'try again' });
      }
    })();
  });
  const listener = await listen(server);
  return {
    ...listener,
    get calls() {
      return calls;
    },
  };
}

async function charge(providerUrl: string, order: Order): Promise<Charge> {
  const response = await fetch(`${providerUrl}/charges`, {
    method: 'POST',
    body: JSON.stringify(order),
    signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS),
  });
  return (await response.json()) as Charge;
}

async function findCharge(providerUrl: string, order: string): Promise<Charge> {
  const response = await fetch(`${providerUrl}/charges/${encodeURIComponent(order)}`, {
    signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS),
  });
  // It was not charged, so that the next caller may do it.
  if (response.status === 404) throw new RetryableError(`the provider knows of no charge for ${order}`);
  return (await response.json()) as Charge;
}
