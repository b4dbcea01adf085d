// The server's log: JSON lines. A key appears as its hash only, a payload, token or credential never.

import { hash } from 'node:crypto';
import { pino, type DestinationStream, type Logger } from 'pino';

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

/** JSON escapes what is below 32; these it leaves as they are, and a terminal or a line splitter obeys them. */
// oxlint-disable-next-line no-control-regex
const UNESCAPED_CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;

/** Writes to standard error, so that standard output keeps the one line for people (and JSON of the commands). */
export function createLog(level: LogLevel, destination: DestinationStream = pino.destination(2)): Logger {
  const write = (line: string): void => destination.write(line.replace(UNESCAPED_CONTROLS, escaped));
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

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A log that says nothing, for tests and tools. */
export const silentLog = (): Logger => pino({ level: 'silent' });
