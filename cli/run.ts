// onced run: a command that is run once for its key, for cron and CI jobs. Whoever comes later gets its output and exit code.

import {
  createClient,
  FinalError,
  InProgressError,
  KeyReusedError,
  OncedError,
  OrphanedError,
  RetryableError,
  RetryLaterError,
  UnknownOutcomeError,
  type ClientOptions,
  type WorkContext,
} from '../clients/node/index.ts';
import { InvalidArgumentError, type Command } from 'commander';
import { operatorCommand, targetOf, milliseconds, UsageError, type ServerFlags } from './operate.ts';
import { EXIT } from './exit.ts';
import { runChild, type Ended } from './run-child.ts';
import { replayOutput, type KeptOutput } from './run-output.ts';

/** Of onced run itself, apart from what commands usually end with; those of env, timeout and sysexits. */
const RUN_EXIT = {
  /** Nothing was run, and may be later, with the same key. */
  later: 75,
  /** It is not known what was done, or the key stands for another command: somebody has to look. */
  look: 125,
  /** There is no such command. */
  missing: 127,
} as const;

interface RunFlags extends ServerFlags {
  readonly namespace: string;
  readonly key: string;
  readonly lease?: string;
  readonly ttl?: string;
  readonly wait: string;
  readonly retryExit: ReadonlySet<number>;
  readonly takeOver?: true;
}

/** What is stored, as JSON. */
interface Stored {
  readonly exit_code: number;
  readonly output: KeptOutput;
}

export function runCommand(): Command {
  return operatorCommand('run', 'run a command once for a key; later runs get its output and exit code')
    .usage('--namespace <namespace> --key <key> [options] -- <command> [arguments...]')
    .argument('<command...>', 'behind --')
    .requiredOption('--namespace <namespace>', 'of the key')
    .requiredOption('--key <key>', 'what is done once, such as backup-2026-11-25')
    .option('--lease <duration>', 'noticed this late when the machine dies; renewed while it runs')
    .option('--ttl <duration>', 'how long output and exit code are kept')
    .option('--wait <duration>', 'how long to wait for somebody else who is at it', '60s')
    .option(
      '--retry-exit <codes>',
      'exit codes after which a later run tries again, such as 1,75',
      codes,
      new Set([75]),
    )
    .option('--take-over', 'run it although an earlier run vanished and may have done it, or may still be at it')
    .addHelpText('after', HELP)
    .action(async (command: string[], flags: RunFlags) => {
      try {
        process.exitCode = await run(command, flags);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        console.error(`error: ${error.message}`);
        process.exitCode = EXIT.usage;
      }
    });
}

const HELP = `
Exit codes are those of the command, also when they are replayed. Its own: 2 for a mistake in the flags, 75 when nothing was run
and may be later, 125 when somebody has to look (onced orphans, onced resolve), 127 when there is no such command.

A command that a signal ends, or that has been told to stop and fails, has an unknown outcome: its key is held until somebody
has looked. So is the key of a run that vanished with its machine, whatever the namespace's policy, unless --take-over is given.
The command gets ONCED_FENCING_TOKEN and ONCED_ATTEMPT. Up to 128 KiB of its output are kept, from the end.

Examples:
  onced run --namespace cron --key backup-$(date +%F) -- ./backup.sh
  onced run --namespace ci --key deploy-$BUILD --wait 10m -- make deploy
`;

function codes(text: string): ReadonlySet<number> {
  const numbers = text.split(',').map(Number);
  const isGood = numbers.every((code) => Number.isInteger(code) && code > 0 && code < 256);
  if (!isGood) throw new InvalidArgumentError('expected numbers from 1 to 255, with commas between them.');
  return new Set(numbers);
}

async function run(command: readonly string[], flags: RunFlags): Promise<number> {
  const times = timesOf(flags);
  using onced = createClient(clientOf(flags));
  let own: Ended | undefined;
  const work = async (context: WorkContext): Promise<Stored> => {
    if (context.takenOver && flags.takeOver !== true) throw new UnknownOutcomeError('an earlier run vanished');
    own = await runChild(command, context);
    return storedOf(own, flags);
  };
  try {
    const { value, replayed } = await onced.runOnce(flags.namespace, flags.key, command, work, times);
    if (replayed) await replayOutput(value.output);
    return value.exit_code;
  } catch (error) {
    const refusal = refusalOf(error, own);
    if (refusal.message !== '') console.error(`onced run: ${refusal.message}`);
    return refusal.exitCode;
  }
}

function clientOf(flags: RunFlags): ClientOptions {
  const { server, token, ca, clientCertificate, clientKey } = targetOf(flags);
  const own =
    clientCertificate === undefined || clientKey === undefined
      ? {}
      : { certificateChain: clientCertificate, privateKey: clientKey };
  return {
    address: server,
    ...(token === undefined || token === '' ? {} : { token }),
    ...(ca === undefined ? {} : { tls: { rootCertificates: ca, ...own } }),
    log: ({ level, message }) => {
      if (level === 'warn') console.error(`onced run: ${message}`);
    },
  };
}

function timesOf({ lease, ttl, wait, timeout }: RunFlags): { readonly timeoutMs: number } {
  const waitMs = milliseconds('--wait', wait);
  return {
    // At least what a server may take that does not answer.
    timeoutMs: Math.max(waitMs, Number(timeout) * 1_000),
    ...(waitMs === 0 ? { whenBusy: 'reject' } : {}),
    ...(lease === undefined ? {} : { leaseMs: milliseconds('--lease', lease) }),
    ...(ttl === undefined ? {} : { ttlMs: milliseconds('--ttl', ttl) }),
  };
}

/** @throws what the end of the command means for the key, where it is no outcome. */
function storedOf(ended: Ended, { retryExit }: RunFlags): Stored {
  switch (ended.kind) {
    case 'missing':
      throw new RetryableError(ended.message);
    case 'signal':
      throw new UnknownOutcomeError(`${ended.signal} ended the command`);
    case 'exit':
      if (ended.wasStopped && ended.code !== 0) throw new UnknownOutcomeError('the command was told to stop');
      if (retryExit.has(ended.code)) throw new RetryableError(`the command ended with ${ended.code}`);
      return { exit_code: ended.code, output: ended.output };
  }
}

interface Refusal {
  readonly exitCode: number;
  /** Empty where the command has spoken for itself. */
  readonly message: string;
}

function refusalOf(error: unknown, own: Ended | undefined): Refusal {
  if (own !== undefined) return endOf(own, error);
  if (error instanceof UnknownOutcomeError || error instanceof OrphanedError) {
    const message = 'nobody knows whether an earlier run did it: look, then use onced resolve';
    return { exitCode: RUN_EXIT.look, message };
  }
  if (error instanceof KeyReusedError)
    return { exitCode: RUN_EXIT.look, message: 'the key stands for another command' };
  const isLater =
    error instanceof InProgressError ||
    error instanceof RetryLaterError ||
    (error instanceof OncedError && (error.isRetryable || error.code === 'DEADLINE_EXCEEDED'));
  const message = error instanceof Error ? error.message : String(error);
  if (isLater) return { exitCode: RUN_EXIT.later, message: `nothing was run: ${message}` };
  return { exitCode: error instanceof FinalError ? RUN_EXIT.look : EXIT.refused, message };
}

/** This run's own command has ended without an outcome, or with one that could not be recorded. */
function endOf(own: Ended, error: unknown): Refusal {
  const isSaid = error instanceof RetryableError || error instanceof UnknownOutcomeError;
  const message = isSaid || !(error instanceof Error) ? '' : error.message;
  switch (own.kind) {
    case 'missing':
      return { exitCode: RUN_EXIT.missing, message: own.message };
    case 'signal':
      return { exitCode: own.exitCode, message: message || `${own.signal} ended the command: its key is held` };
    case 'exit':
      if (!isSaid) return { exitCode: RUN_EXIT.look, message };
      return { exitCode: own.code, message: own.wasStopped ? 'the command was told to stop: its key is held' : '' };
  }
}
