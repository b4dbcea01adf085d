// How the process ends: on a signal in order, on a bug at once. Nothing else in the server ends it or listens for signals.

import type { Logger } from 'pino';
import { limits } from './limits.ts';
import type { RunningServer } from './main.ts';
import type { Worker } from './workers/worker.ts';

/** Exit codes of a process ended by a signal, as shells count them. */
const FORCED = { SIGINT: 130, SIGTERM: 143 } as const;

/** An exception that nobody caught leaves things half done: better one restart than one wrong answer. */
export function endOnBugs(log: Logger): void {
  const end = (error: unknown, origin: string): never => {
    log.fatal({ err: error, origin }, 'a bug: the process ends');
    process.exit(1);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', (error) => end(error, 'unhandledRejection'));
}

/** SIGTERM or SIGINT ends in order and with 0, a second one at once. `whenStarted` may still be under way. */
export function endOnSignals(whenStarted: Promise<Closable>, log: Logger): void {
  let isEnding = false;
  const onSignal = (signal: keyof typeof FORCED): void => {
    if (isEnding) {
      log.warn({ signal }, 'told to end again: ending at once, calls in flight are cut off');
      process.exit(FORCED[signal]);
    }
    isEnding = true;
    endInOrder(whenStarted, signal, log);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** Of several processes it is the primary that a terminal's Ctrl-C is for; who ends this one alone, ends it in order. */
export function endWhenTold(whenStarted: Promise<Closable>, worker: Worker, log: Logger): void {
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', (signal) => endInOrder(whenStarted, signal, log));
  worker.onEnd((reason) => endInOrder(whenStarted, reason, log));
}

type Closable = Pick<RunningServer, 'close'>;

function endInOrder(whenStarted: Promise<Closable>, reason: string, log: Logger): void {
  // Does not wait for what hangs; unref'ed, so that it delays nothing either.
  setTimeout(() => exitOverdue(log), limits.endMsMax).unref();
  whenStarted
    .then((server) => server.close(reason))
    .then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'the end failed');
        process.exit(1);
      },
    );
}

function exitOverdue(log: Logger): never {
  log.fatal(`not everything closed within ${limits.endMsMax} ms`);
  process.exit(1);
}
