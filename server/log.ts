// The server's log: JSON lines. A key appears as its hash only, a payload, token or credential never.

import { hash } from 'node:crypto';
import { setLogger } from '@grpc/grpc-js';
import { pino, type DestinationStream, type Logger } from 'pino';
import { printable } from './printable.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Enough to find all lines of one key; too little to guess the key from when it is not a number in sequence. */
const KEY_HASH_DIGITS = 12;

/** What a log line may say of a key. */
export const keyHash = (key: string): string => hash('sha256', key).slice(0, KEY_HASH_DIGITS);

/**
 * Fields that would be payload, token or credential are cut out wherever a careless call puts them, one level deep or
 * two. The first guard is still that no call passes them.
 */
const FORBIDDEN = [
  'key',
  'result',
  'checkpoint',
  'detail',
  'data',
  'leaseToken',
  'lease_token',
  'token',
  'authorization',
  'password',
  'metadata',
];

/** Writes to standard error, so that standard output keeps the one line for people (and JSON of the commands). */
export function createLog(level: LogLevel, destination: DestinationStream = pino.destination(2)): Logger {
  // JSON escapes what is below 32; a terminal or a line splitter obeys some of the rest.
  const write = (line: string): void => destination.write(`${printable(line.trimEnd())}\n`);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: FORBIDDEN.flatMap((field) => [field, `*.${field}`]), censor: '[not logged]' },
    },
    { write },
  );
}

/** grpc-js writes to the console by itself; its words belong among the others, below what an operator reads every day. */
export function adoptGrpcLog(log: Logger): void {
  const line = (...parts: unknown[]): void => log.debug({ from: 'grpc-js' }, parts.map(String).join(' '));
  setLogger({ error: line, info: line, debug: line });
}
