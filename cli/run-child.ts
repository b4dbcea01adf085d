// A command as a child process: its output goes on as it comes and is kept, signals reach it, and it is stopped before its
// lease could be lost.

import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { once } from 'node:events';
import type { WorkContext } from '../clients/node/index.ts';
import { keepOutput, type KeptOutput } from './run-output.ts';

export type Ended =
  | { readonly kind: 'missing'; readonly message: string }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals; readonly exitCode: number }
  | { readonly kind: 'exit'; readonly code: number; readonly output: KeptOutput; readonly wasStopped: boolean };

const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;

export async function runChild([program = '', ...args]: readonly string[], context: WorkContext): Promise<Ended> {
  const environment = { ONCED_FENCING_TOKEN: String(context.fencingToken), ONCED_ATTEMPT: String(context.attempt) };
  // A process group of its own, so that all that it has started is stopped with it; on a terminal it must stay in ours, to
  // read from it, and gets the terminal's signals by itself.
  const isGroup = !process.stdin.isTTY;
  // Before it starts: it may be at work, and we be told to stop, before the call that starts it comes back.
  let started: ChildProcess | undefined;
  const stopping = stopWhenTold(() => started?.pid, context, isGroup);
  const child = spawn(program, args, {
    stdio: ['inherit', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
    detached: isGroup,
  });
  started = child;
  const failed = Promise.withResolvers<Ended>();
  child.on('error', ({ message }) => failed.resolve({ kind: 'missing', message }));
  const output = keepOutput();
  child.stdout.on('data', (chunk: Buffer) => {
    output.add('out', chunk);
    process.stdout.write(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.add('err', chunk);
    process.stderr.write(chunk);
  });
  try {
    // A process that has no id was never there.
    if (child.pid === undefined) return await failed.promise;
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code === null) {
      const ended = signal ?? 'SIGKILL';
      return { kind: 'signal', signal: ended, exitCode: 128 + constants.signals[ended] };
    }
    return { kind: 'exit', code, output: output.kept(), wasStopped: stopping.wasTold() };
  } finally {
    stopping.end();
  }
}

/** By a signal to us, or because the lease can be lost: then it has half of what is left to end by itself. */
function stopWhenTold(
  pidOf: () => number | undefined,
  context: WorkContext,
  isGroup: boolean,
): { wasTold(): boolean; end(): void } {
  let wasTold = false;
  let killing: NodeJS.Timeout | undefined;
  const send = (signal: NodeJS.Signals): void => {
    wasTold = true;
    try {
      const pid = pidOf();
      if (pid !== undefined) process.kill(isGroup ? -pid : pid, signal);
    } catch {
      // It has ended by itself.
    }
  };
  const forward = (signal: NodeJS.Signals): void => {
    const isTheTerminals = !isGroup && (signal === 'SIGINT' || signal === 'SIGQUIT');
    if (isTheTerminals) wasTold = true;
    else send(signal);
  };
  const leaseEnds = (): void => {
    console.error('onced run: the lease can be lost: stopping the command');
    send('SIGTERM');
    killing = setTimeout(() => send('SIGKILL'), Math.max(0, context.leaseRemainingMs / 2));
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  context.signal.addEventListener('abort', leaseEnds);
  return {
    wasTold: () => wasTold,
    end() {
      clearTimeout(killing);
      for (const signal of FORWARDED) process.off(signal, forward);
      context.signal.removeEventListener('abort', leaseEnds);
    },
  };
}
