// What every operator's command has in common: which server, with which credentials, table or JSON, and errors as exit
// codes.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { Command } from 'commander';
import { settings } from '../server/config/settings.ts';
import { duration, ValueError } from '../server/config/values.ts';
import { report, type CallOptions } from './client.ts';
import { EXIT } from './exit.ts';

export interface ServerFlags {
  readonly server: string;
  readonly timeout: string;
  readonly token?: string;
  readonly ca?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly json?: true;
}

const TIMEOUT_SECONDS = '30';

/** A command that speaks to a running server. */
export function operatorCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option(
      '--server <host:port>',
      'the server to ask (ONCED_SERVER)',
      process.env['ONCED_SERVER'] ?? settings.grpc.fallback,
    )
    .option('--token <key>', 'API key or JSON Web Token (better: ONCED_TOKEN)')
    .option('--ca <file>', "PEM of the authority that signed the server's certificate; turns TLS on (ONCED_CA)")
    .option(
      '--client-certificate <file>',
      'PEM certificate of yours, where the server asks for one (ONCED_CLIENT_CERTIFICATE)',
    )
    .option('--client-key <file>', 'PEM key of that certificate (ONCED_CLIENT_KEY)')
    .option('--timeout <seconds>', 'how long to wait for one answer', TIMEOUT_SECONDS)
    .option('--json', 'print JSON');
}

/** A mistake in what was typed. */
export class UsageError extends Error {}

/** Runs a command's work; what goes wrong becomes one line and an exit code. */
export async function operate(flags: ServerFlags, work: (target: CallOptions) => Promise<void>): Promise<void> {
  try {
    await work(targetOf(flags));
  } catch (error) {
    if (error instanceof UsageError || error instanceof ValueError) {
      console.error(`error: ${error.message}`);
      process.exitCode = EXIT.usage;
      return;
    }
    report(error, flags);
  }
}

export function targetOf(flags: ServerFlags): CallOptions {
  const { server, timeout, token } = flags;
  const timeoutMs = Number(timeout) * 1000;
  if (!(timeoutMs > 0 && timeoutMs <= 3_600_000)) {
    throw new UsageError(`--timeout is "${timeout}", which is not a number of seconds from 0.001 to 3600`);
  }
  return {
    server,
    timeoutMs,
    token: token ?? process.env['ONCED_TOKEN'],
    ca: fileOf('--ca', flags.ca ?? process.env['ONCED_CA']),
    clientCertificate: fileOf(
      '--client-certificate',
      flags.clientCertificate ?? process.env['ONCED_CLIENT_CERTIFICATE'],
    ),
    clientKey: fileOf('--client-key', flags.clientKey ?? process.env['ONCED_CLIENT_KEY']),
  };
}

function fileOf(flag: string, path: string | undefined): Buffer | undefined {
  if (path === undefined || path === '') return undefined;
  try {
    return readFileSync(path);
  } catch {
    throw new UsageError(`${flag}: ${path} cannot be read`);
  }
}

/** A count as somebody typed it. */
export function wholeNumber(flag: string, text: string, min = 1): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count >= min) return count;
  throw new UsageError(`${flag} is "${text}", which is not a whole number from ${min}`);
}

const DAY_MS = 86_400_000;

/** 90s, 15m, 24h, 7d. */
export function milliseconds(flag: string, text: string): number {
  try {
    return duration({ minMs: 0, maxMs: 400 * DAY_MS })(text);
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(`${flag} ${error.message}`);
    throw error;
  }
}

/** Asks on the terminal before something is destroyed, and tells who says no. Without one, `--yes` is the only yes. */
export async function confirm(question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) throw new UsageError(`${question} Say --yes to do it without being asked`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    if (['y', 'yes'].includes((await terminal.question(`${question} [y/N] `)).trim().toLowerCase())) return true;
    console.error('nothing was changed');
    process.exitCode = EXIT.no;
    return false;
  } finally {
    terminal.close();
  }
}

/** A line on the terminal that is written over; nothing where nobody looks. */
export function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
}

const BAR_WIDTH = 30;

/** `[###########-------------------]  37 %`, for work whose end is known. */
export function bar(done: bigint, total: bigint): string {
  const percent = total === 0n ? 100 : Number((done * 100n) / total);
  const filled = Math.min(BAR_WIDTH, Math.floor((percent * BAR_WIDTH) / 100));
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${String(percent).padStart(3)} %`;
}

export const endProgress = (): void => progress('');

export const instant = (time: Timestamp | undefined): string =>
  time === undefined ? '' : timestampDate(time).toISOString();

/** Whole seconds, minutes, hours or days since. */
export function age(time: Timestamp | undefined): string {
  if (time === undefined) return '';
  const seconds = Math.max(0, Math.round((Date.now() - timestampDate(time).getTime()) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)}h` : `${Math.round(seconds / 86_400)}d`;
}
