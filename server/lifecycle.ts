// How the process ends: on a signal in order, on a bug at once. Nothing else in the server ends it or listens for signals.

import type { Logger } from 'pino';
import { limits } from './limits.ts';
import type { RunningServer } from './main.ts';

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
export function endOnSignals(whenStarted: Promise<RunningServer>, log: Logger): void {
  let isEnding = false;
  const onSignal = (signal: keyof typeof FORCED): void => {
    if (isEnding) {
      log.warn({ signal }, 'told to end again: ending at once, calls in flight are cut off');
      process.exit(FORCED[signal]);
    }
    isEnding = true;
    // Does not wait for what hangs; unref'ed, so that it delays nothing either.
    setTimeout(() => exitOverdue(log), limits.endMsMax).unref();
    whenStarted
      .then((server) => server.close(signal))
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.fatal({ err: error }, 'the end failed');
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

function exitOverdue(log: Logger): never {
  log.fatal(`not everything closed within ${limits.endMsMax} ms`);
  process.exit(1);
}
