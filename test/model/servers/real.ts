// A real Redis or Postgres as the store that the servers share: each has a way of its own to it, which may refuse, or lose
// what goes either way. Time is real.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../../storage/contract/index.ts';
import type { Random } from '../random.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { stepUntil, type Ground, type Turns } from './place.ts';

const STEP_MS = 5;

export function createRealTurns(random: Random): Turns {
  let steps = 0;
  const step = async (): Promise<void> => {
    steps += 1;
    await sleep(STEP_MS);
  };
  return {
    pause: async () => sleep(random.between(0, 2 * STEP_MS)),
    step,
    until: async (ending) => stepUntil(ending, step),
    get steps() {
      return steps;
    },
    get isIdle() {
      return random.chance(0.2);
    },
  };
}

export interface RealStore {
  readonly port: number;
  /** By the port of the store, or of a proxy before it. */
  open(port: number): Promise<Store>;
}

export async function realGround(random: Random, real: RealStore): Promise<Ground> {
  const store = await real.open(real.port);
  return {
    store,
    async open() {
      const proxy = await startTcpProxy({ host: '127.0.0.1', port: real.port });
      const way = await real.open(proxy.port);
      const heal = (): void => {
        proxy.heal();
        // What was lost on a connection leaves it out of step.
        proxy.cut();
      };
      return {
        store: way,
        setUp(isUp) {
          if (isUp) heal();
          else if (random.chance(0.5)) proxy.refuse();
          else proxy.blackHole({ requests: random.chance(0.5), replies: true });
        },
        async end() {
          heal();
          await way.close();
          await proxy.close();
        },
      };
    },
    [Symbol.asyncDispose]: async () => store.close(),
  };
}
