// Several server processes on one port (`--workers`): this one starts them, hands connections round, starts one anew that
// died, and ends them all. It serves nothing itself, so that there is little here that could fail.

import cluster from 'node:cluster';
import type { Logger } from 'pino';
import { limits } from '../limits.ts';
import type { RunningServer } from '../main.ts';
import { createGathering, type Gathering } from './gathering.ts';
import { WORKER_VARIABLE, type Serving, type ToPrimary } from './messages.ts';
import { makeSlots, tell, type Slot } from './slot.ts';

/** Resolves once all of them serve. Rejects with what the first said that could not start; then none is left. */
export async function startWorkers(count: number, log: Logger): Promise<RunningServer> {
  // Whole connections in turn. What the system does by itself instead wakes the same few again and again.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({ serialization: 'advanced' });
  const slots = makeSlots(count);
  const gathering = createGathering(slots);
  const pool: Pool = { slots, gathering, log, isEnding: false };
  process.on('exit', () => {
    for (const { worker } of slots) worker?.process.kill('SIGKILL');
  });

  try {
    // One first: what hinders all of them is then told once.
    const [first, ...others] = slots;
    if (first === undefined) throw new Error('no workers to start');
    const { grpcAddress, httpAddress, store } = await start(pool, first);
    await Promise.all(others.map(async (slot) => start(pool, slot)));
    log.info({ workers: count, grpc: grpcAddress, http: httpAddress }, 'all workers serve');
    let ended: Promise<void> | undefined;
    return { grpcAddress, httpAddress, store, close: (reason) => (ended ??= end(pool, reason)) };
  } catch (error) {
    await end(pool, 'another worker could not start').catch(() => undefined);
    throw error;
  }
}

interface Pool {
  readonly slots: readonly Slot[];
  readonly gathering: Gathering;
  readonly log: Logger;
  isEnding: boolean;
}

/** Rejects when the process ends before it serves. What happens after that is seen to here. */
async function start(pool: Pool, slot: Slot): Promise<Serving> {
  const { log, slots, gathering } = pool;
  const worker = cluster.fork({ [WORKER_VARIABLE]: `${slot.number}/${slots.length}` });
  slot.worker = worker;
  const { promise, resolve, reject } = Promise.withResolvers<Serving>();
  let servesSinceMs: number | undefined;
  let reason = 'it ended before it served';
  worker.on('message', (message: ToPrimary) => {
    if (message.kind === 'serving') {
      slot.serving = message.serving;
      servesSinceMs = performance.now();
      resolve(message.serving);
    } else if (message.kind === 'not-started') reason = message.reason;
    else gathering.heard(worker, message);
  });
  const gone = (code: number | null, signal: string | null): void => {
    slot.worker = undefined;
    slot.serving = undefined;
    gathering.left(worker);
    reject(new Error(reason));
    if (servesSinceMs === undefined || pool.isEnding) return;
    if (performance.now() - servesSinceMs >= limits.workerSteadyMs) slot.failures = 0;
    log.error({ worker: slot.number, pid: worker.process.pid, code, signal }, 'a worker ended: it is started again');
    startAgain(pool, slot);
  };
  worker.on('exit', gone);
  worker.on('error', (error) => {
    log.warn({ err: error, worker: slot.number }, 'a worker could not be told or made');
    // The system has no process to give: there is none that could exit.
    if (worker.process.pid === undefined) gone(null, null);
  });
  return promise;
}

function startAgain(pool: Pool, slot: Slot): void {
  const pauseMs = Math.min(limits.workerRestartMsMax, limits.workerRestartMsMin * 2 ** slot.failures);
  slot.failures += 1;
  slot.restart = setTimeout(() => {
    start(pool, slot).catch((error: Error) => {
      if (pool.isEnding) return;
      pool.log.error({ worker: slot.number, reason: error.message }, 'a worker did not start; it is tried again');
      startAgain(pool, slot);
    });
  }, pauseMs);
}

/** Each ends in order, by itself; rejects when one did not. */
async function end(pool: Pool, reason: string): Promise<void> {
  pool.isEnding = true;
  for (const { restart } of pool.slots) clearTimeout(restart);
  const running = pool.slots.flatMap(({ worker }) => worker ?? []);
  const codes = await Promise.all(
    running.map(async (worker) => {
      const exit = new Promise<number | null>((resolve) => worker.once('exit', (code) => resolve(code)));
      tell(worker, { kind: 'end', reason });
      return exit;
    }),
  );
  pool.gathering.close();
  const failed = codes.filter((code) => code !== 0).length;
  if (failed > 0) throw new Error(`${failed} of ${running.length} workers did not end in order`);
}
