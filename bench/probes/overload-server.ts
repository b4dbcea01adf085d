// Onced on a store that does so much and no more: a few verbs at a time, each for some milliseconds. What a server does that
// its store holds up shows on it without a machine that is fast enough to be the bottleneck by itself.
// node bench/probes/overload-server.ts AT_A_TIME VERB_MS

import { pino } from 'pino';
import { openEngine } from '../../server/engine.ts';
import { startGrpc } from '../../server/grpc.ts';
import { createMetrics } from '../../server/metrics.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import type { Store } from '../../storage/contract/index.ts';

const AT_A_TIME = Number(process.argv[2]);
const VERB_MS = Number(process.argv[3]);

function narrow(inner: Store): Store {
  const waiting: (() => void)[] = [];
  let busy = 0;
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    if (busy >= AT_A_TIME) await new Promise<void>((resolve) => waiting.push(resolve));
    else busy += 1;
    await new Promise((resolve) => setTimeout(resolve, VERB_MS));
    try {
      return await call();
    } finally {
      const next = waiting.shift();
      if (next === undefined) busy -= 1;
      else next();
    }
  };
  return {
    ...inner,
    claim: async (...args) => through(async () => inner.claim(...args)),
    extend: async (...args) => through(async () => inner.extend(...args)),
    settle: async (...args) => through(async () => inner.settle(...args)),
    read: async (...args) => through(async () => inner.read(...args)),
  };
}

const log = pino({ level: 'warn' }, pino.destination(2));
const { engine } = await openEngine({ store: narrow(createMemoryStore()), metrics: createMetrics(), log });
const { address } = await startGrpc({ engine, log, address: '127.0.0.1:0' });
console.log(`serves gRPC on ${address}`);
