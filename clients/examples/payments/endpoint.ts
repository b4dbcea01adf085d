// The service that shops use: POST /pay {order, amount}. The same charge behind it with and without Onced.

import { createServer } from 'node:http';
import { OrphanedError, RetryableError, type OncedClient, type Review, type WorkContext } from '../../node/index.ts';
import { listen, readJson, reply, type Listener } from './http.ts';
import type { Charge } from './provider.ts';

/** Longer than the provider's slowest answer. */
const PROVIDER_TIMEOUT_MS = 5_000;

interface Order {
  readonly order: string;
  readonly amount: number;
}

export type Pay = (order: Order) => Promise<Charge>;

/** Charges at once, as most services do. */
export const payDirectly =
  (providerUrl: string): Pay =>
  async (order) =>
    charge(providerUrl, order);

export interface OncePlace {
  readonly providerUrl: string;
  readonly onced: OncedClient;
  readonly namespace: string;
}

/**
 * Charges once per order. The provider may have charged when its answer is lost, and that error says nothing of it: the
 * order is held, until `reconciling` has asked the provider.
 */
export const payOnce =
  ({ providerUrl, onced, namespace }: OncePlace): Pay =>
  async (order) => {
    const work = async ({ fencingToken }: WorkContext) => charge(providerUrl, order, fencingToken);
    const paid = await onced.runOnce(namespace, order.order, order, work);
    return paid.value;
  };

/**
 * The same where the next attempt may start by itself, after a lost answer as after a lost worker: each says before it
 * charges that it will, and whoever finds that said asks the provider first.
 */
export const payAfterAsking =
  ({ providerUrl, onced, namespace }: OncePlace): Pay =>
  async (order) => {
    const work = async (attempt: WorkContext): Promise<Charge> => {
      const { fencingToken, previousCheckpoint } = attempt;
      const made = previousCheckpoint && (await findCharge(providerUrl, order.order, fencingToken));
      if (made !== undefined) return made;
      await attempt.checkpoint('about to charge');
      return charge(providerUrl, order, fencingToken);
    };
    const paid = await onced.runOnce(namespace, order.order, order, work, { onThrow: () => 'retryable' });
    return paid.value;
  };

/** Asks the provider about orders of which nobody knows whether they were charged. Until disposed of. */
export function startReconciling({ providerUrl, onced, namespace }: OncePlace): Disposable {
  const end = new AbortController();
  const review: Review = async ({ key }, { fencingToken }) => {
    const made = await findCharge(providerUrl, key, fencingToken);
    // It was not charged, so that the next caller may do it.
    if (made === undefined) throw new RetryableError(`the provider knows of no charge for ${key}`);
    return made;
  };
  const options = { signal: end.signal, limit: 100, reviewsPerSecondMax: 500, idleMs: 250 };
  const working = onced.keepReconciling(namespace, review, options);
  working.catch((error: unknown) => console.error(`orders are not reconciled any more: ${String(error)}`));
  return { [Symbol.dispose]: () => end.abort() };
}

export async function startEndpoint(pay: Pay): Promise<Listener> {
  const server = createServer((request, response) => {
    void (async () => {
      try {
        reply(response, 200, await pay((await readJson(request)) as Order));
      } catch (error) {
        // 503: ask again, with the same order. The charge may be under review, or the provider unreachable.
        reply(response, 503, { error: error instanceof OrphanedError ? 'under review' : 'try again' });
      }
    })();
  });
  return listen(server);
}

async function charge(providerUrl: string, order: Order, fencingToken?: number): Promise<Charge> {
  const response = await fetch(`${providerUrl}/charges`, {
    method: 'POST',
    headers: { 'x-worker': String(process.pid), ...fence(fencingToken) },
    body: JSON.stringify(order),
    signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS),
  });
  if (response.status === 409) throw new Error(`somebody else has begun with ${order.order} meanwhile`);
  return (await response.json()) as Charge;
}

async function findCharge(providerUrl: string, order: string, fencingToken: number): Promise<Charge | undefined> {
  const response = await fetch(`${providerUrl}/charges/${encodeURIComponent(order)}`, {
    headers: fence(fencingToken),
    signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS),
  });
  return response.status === 404 ? undefined : ((await response.json()) as Charge);
}

const fence = (token: number | undefined): Record<string, string> =>
  token === undefined ? {} : { 'x-fencing-token': String(token) };
