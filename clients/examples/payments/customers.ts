// Customers as they are: they wait a moment, lose patience, and press the button again until they have a receipt.

import { setTimeout as pause } from 'node:timers/promises';

const PATIENCE_MS = 400;
const PRESS_AGAIN_MS = 50;
const CUSTOMERS = 50;
/** A customer who has pressed this often gives up; nobody does unless something is broken. */
const PRESSES_MAX = 200;

/** `urlOf` says where to press next. Resolves once every customer has a receipt for every order, or has given up. */
export async function shop(urlOf: () => string, orders: readonly string[], onPaid: () => void): Promise<void> {
  const waiting = orders.values();
  const customer = async (): Promise<void> => {
    for (const order of waiting) {
      if (await payUntilPaid(urlOf, order)) onPaid();
    }
  };
  await Promise.all(Array.from({ length: CUSTOMERS }, customer));
}

async function payUntilPaid(urlOf: () => string, order: string): Promise<boolean> {
  for (let presses = 0; presses < PRESSES_MAX; presses++) {
    if (await press(urlOf(), order)) return true;
    await pause(PRESS_AGAIN_MS * (0.5 + Math.random()));
  }
  return false;
}

async function press(url: string, order: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/pay`, {
      method: 'POST',
      body: JSON.stringify({ order, amount: 1999 }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    // Timed out, or the endpoint is away: no receipt.
    return false;
  }
}
