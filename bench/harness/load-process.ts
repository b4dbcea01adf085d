// A load process as the benchmark sees it.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Work } from '../drivers/driver.ts';
import type { FromLoad, ToLoad } from '../load/protocol.ts';
import type { WindowRequest, WindowResult } from './window.ts';

export interface LoadProcess {
  /** False when the subject has no such operation. */
  prepare(work: Work): Promise<boolean>;
  run(work: Work, request: WindowRequest): Promise<WindowResult>;
  stop(): Promise<void>;
}

const ANSWER_MS_MAX = 180_000;

export async function startLoad(driver: string, target: string): Promise<LoadProcess> {
  const child = fork(fileURLToPath(new URL('../load/main.ts', import.meta.url)), { execArgv: process.execArgv });
  const first = await ask(child, { kind: 'connect', driver, target });
  if (first.kind !== 'done') throw new Error(`${driver} did not connect`);
  return {
    async prepare(work) {
      return (await ask(child, { kind: 'prepare', work })).kind === 'done';
    },
    async run(work, request) {
      const answer = await ask(child, { kind: 'window', work, request });
      if (answer.kind !== 'result') throw new Error(`${driver} has no ${work.name}`);
      return answer.result;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await exit;
      clearTimeout(timer);
    },
  };
}

/** A window in which other work took more than this share of a core is taken again, so many times at most. */
const OTHER_CORES_MAX = 0.3;
const REPEATS_MAX = 2;
/** Of all windows together, so that a busy machine does not keep the benchmark for hours. */
let repeatsLeft = 80;

/** One window, or the least disturbed of several. */
export async function takeWindow(load: LoadProcess, work: Work, request: WindowRequest): Promise<WindowResult> {
  let best = await load.run(work, request);
  for (let repeats = 0; repeats < REPEATS_MAX && repeatsLeft > 0 && best.otherCores > OTHER_CORES_MAX; repeats += 1) {
    repeatsLeft -= 1;
    const again = await load.run(work, request);
    if (again.otherCores < best.otherCores) best = again;
  }
  return best;
}

async function ask(child: ChildProcess, message: ToLoad): Promise<FromLoad> {
  const answered = new AbortController();
  const signal = AbortSignal.any([answered.signal, AbortSignal.timeout(ANSWER_MS_MAX)]);
  const reply = once(child, 'message', { signal }) as Promise<[FromLoad]>;
  const exit = once(child, 'exit', { signal }).then((): [FromLoad] => [ENDED]);
  // Whichever loses is told to listen no more, and says so by rejecting.
  exit.catch(() => undefined);
  reply.catch(() => undefined);
  child.send(message);
  const [answer] = await Promise.race([reply, exit]);
  answered.abort();
  if (answer.kind === 'failed') throw new Error(answer.message);
  return answer;
}

const ENDED: FromLoad = { kind: 'failed', message: 'the load process ended' };
