// One shopping trip: customers until all have their receipt, and what was charged for it.

import { randomUUID } from 'node:crypto';
import { shop } from './customers.ts';
import type { Provider } from './provider.ts';

export interface Result {
  readonly name: string;
  readonly orders: number;
  readonly presses: number;
  readonly paid: number;
  /** How often the provider was asked what it has charged. */
  readonly questions: number;
  readonly charges: number;
  readonly doubles: number;
}

export interface Trip {
  readonly name: string;
  readonly count: number;
  readonly provider: Provider;
  /** Where a customer presses next. */
  readonly urlOf: () => string;
  /** Called once, when half of the orders have their receipt. */
  readonly onHalf?: () => Promise<void>;
}

const PROGRESS_EVERY_MS = 1_000;

export async function goShopping({ name, count, provider, urlOf, onHalf }: Trip): Promise<Result> {
  // Fresh names, so that a server that is used again knows none of them.
  const runId = randomUUID().slice(0, 8);
  const orders = Array.from({ length: count }, (_, index) => `order-${runId}-${index + 1}`);
  let [paid, presses] = [0, 0];
  let half: Promise<void> | undefined;
  const tell = (): void => console.log(`${name}: ${paid} of ${count} orders have a receipt`);
  const progress = setInterval(tell, PROGRESS_EVERY_MS);
  const press = (): string => {
    presses += 1;
    return urlOf();
  };
  try {
    await shop(press, orders, () => {
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
  const { questions } = provider;
  return { name, orders: count, presses, paid, questions, charges, doubles: charges - charged };
}
