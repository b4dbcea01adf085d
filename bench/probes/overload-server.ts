// Onced on a store that does so much and no more: a few verbs at a time, each for some milliseconds. What a server does that
// its store holds up shows on it without a machine that is fast enough to be the bottleneck by itself.
// node bench/probes/overload-server.ts AT_A_TIME VERB_MS

import { pino } from 'pino';
import { openEngine } from '../../server/engine.ts';
import { startGrpc } from '../../server/grpc.ts';
import { createMetrics } from '../../server/metrics.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { narrowStore } from '../../test/support/narrow-store.ts';

const AT_A_TIME = Number(process.argv[2]);
const VERB_MS = Number(process.argv[3]);

const log = pino({ level: 'warn' }, pino.destination(2));
const { engine } = await openEngine({
  store: narrowStore(createMemoryStore(), { atATime: AT_A_TIME, verbMs: VERB_MS }),
  metrics: createMetrics(),
  log,
});
const { address } = await startGrpc({ engine, log, address: '127.0.0.1:0' });
console.log(`serves gRPC on ${address}`);
