// A payment provider as they are: mostly quick, sometimes slow, and now and then the money moves but the answer is lost.
// It offers no idempotency of its own, only a way to ask what it has charged.

import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { listen, readJson, reply, type Listener } from './http.ts';

const QUICK_MS = 40;
/** Share of charges that take SLOW_MS, longer than customers wait. */
const SLOW_SHARE = 0.1;
const SLOW_MS = 600;
/** Share of charges whose reply never arrives. */
const LOST_SHARE = 0.05;

export interface Charge {
  readonly id: string;
  readonly order: string;
  readonly amount: number;
}

export interface Provider extends Listener {
  /** Every charge made, in order. */
  readonly charges: readonly Charge[];
}

/** POST /charges moves money; GET /charges/ORDER tells the first charge of an order, or 404. */
export async function startProvider(): Promise<Provider> {
  const charges: Charge[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      if (request.method === 'GET') {
        const order = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
        const charge = charges.find((made) => made.order === order);
        reply(response, charge === undefined ? 404 : 200, charge ?? {});
        return;
      }
      const { order, amount } = (await readJson(request)) as Omit<Charge, 'id'>;
      await pause(Math.random() < SLOW_SHARE ? SLOW_MS : QUICK_MS * (0.5 + Math.random()));
      const charge = { id: `ch_${charges.length + 1}`, order, amount };
      charges.push(charge);
      if (Math.random() < LOST_SHARE) response.destroy();
      else reply(response, 200, charge);
    })();
  });
  return { ...(await listen(server)), charges };
}
