// A payment provider as they are: mostly quick, sometimes slow, and now and then the money moves but the answer is lost.
// It offers no idempotency of its own, only a way to ask what it has charged. Whoever asks with a fencing token shuts out
// those who began earlier: a charge of theirs that is still on its way must not come after the answer "not charged".

import { createServer, type IncomingMessage } from 'node:http';
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
  /** How often it was asked what it has charged. */
  readonly questions: number;
}

/** Called when the money has moved, with the process that asked for it. True: the reply is lost for certain. */
export type AfterCharge = (charges: number, worker: number) => boolean;

/** POST /charges moves money; GET /charges/ORDER tells the first charge of an order, or 404. */
export async function startProvider(afterCharge: AfterCharge = () => false): Promise<Provider> {
  const charges: Charge[] = [];
  const fences = new Map<string, number>();
  let questions = 0;
  /** False when somebody with a later token was here. */
  const letIn = (order: string, request: IncomingMessage): boolean => {
    const token = Number(request.headers['x-fencing-token'] ?? Infinity);
    const isLate = token < (fences.get(order) ?? 0);
    if (!isLate && Number.isFinite(token)) fences.set(order, token);
    return !isLate;
  };
  const server = createServer((request, response) => {
    void (async () => {
      if (request.method === 'GET') {
        questions += 1;
        const order = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
        letIn(order, request);
        const charge = charges.find((made) => made.order === order);
        reply(response, charge === undefined ? 404 : 200, charge ?? {});
        return;
      }
      const { order, amount } = (await readJson(request)) as Omit<Charge, 'id'>;
      await pause(Math.random() < SLOW_SHARE ? SLOW_MS : QUICK_MS * (0.5 + Math.random()));
      if (!letIn(order, request)) {
        reply(response, 409, {});
        return;
      }
      const charge = { id: `ch_${charges.length + 1}`, order, amount };
      charges.push(charge);
      const isLost = afterCharge(charges.length, Number(request.headers['x-worker']));
      if (isLost || Math.random() < LOST_SHARE) response.destroy();
      else reply(response, 200, charge);
    })();
  });
  return {
    ...(await listen(server)),
    charges,
    get questions() {
      return questions;
    },
  };
}
