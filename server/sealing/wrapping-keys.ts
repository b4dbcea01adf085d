// The keys that wrap data keys: from a file or an environment variable, one a line, the last one wraps and all unwrap.
// A file is read again when it changes, so that a new key needs no restart.

import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { limits } from '../limits.ts';
import { open, seal, type DataKey } from './seal.ts';

export interface WrappedKey {
  /** Id of the wrapping key. */
  readonly by: string;
  /** Base64. */
  readonly wrapped: string;
}

export interface WrappingKeys {
  /** Id of the key that wraps. */
  newest(): string;
  wrap(key: Buffer, belongsTo: string): WrappedKey;
  /** Undefined when none of these keys has wrapped it for this. */
  unwrap(wrapped: WrappedKey, belongsTo: string): Buffer | undefined;
  /** Called when the file has other keys. */
  onChange(listener: () => void): void;
  stop(): void;
}

const KEY_BYTES = 32;
/** Before the name of a variable. */
const FROM_ENVIRONMENT = 'env:';
/** A wrapping key seals data keys, and has no versions itself. */
const WRAPPING_VERSION = 0;

/** `place` is a file or `env:NAME`. Throws when it holds no key, or something else. */
export function openWrappingKeys(place: string, log: Logger): WrappingKeys {
  const read = (): string => readPlace(place);
  let text = read();
  let keys = parseKeys(text, place);
  const listeners = new Set<() => void>();

  const look = (): void => {
    try {
      const now = read();
      if (now === text) return;
      keys = parseKeys(now, place);
      text = now;
      log.info({ newest: keys.at(-1)?.id, keys: keys.length }, 'sealing keys: read again');
      for (const listener of listeners) listener();
    } catch (error) {
      // Half written, or gone for a moment: the keys in use stay.
      log.error({ why: error instanceof Error ? error.message : '' }, 'sealing keys: cannot be read again');
    }
  };
  const timer = place.startsWith(FROM_ENVIRONMENT) ? undefined : setInterval(look, limits.sealingKeysReadMs);
  timer?.unref();

  const newest = (): WrappingKey => {
    const last = keys.at(-1);
    if (last === undefined) throw new Error('checked when it was read');
    return last;
  };

  return {
    newest: () => newest().id,
    wrap(key, belongsTo) {
      const { id, key: wrapping } = newest();
      return { by: id, wrapped: seal(key, wrapping, belongsTo).toString('base64') };
    },
    unwrap({ by, wrapped }, belongsTo) {
      const found = keys.find(({ id }) => id === by);
      return found === undefined ? undefined : open(Buffer.from(wrapped, 'base64'), found.key, belongsTo);
    },
    onChange: (listener) => void listeners.add(listener),
    stop: () => clearInterval(timer),
  };
}

interface WrappingKey {
  /** Names the key in messages and records; says nothing of it. */
  readonly id: string;
  readonly key: DataKey;
}

function readPlace(place: string): string {
  if (!place.startsWith(FROM_ENVIRONMENT)) {
    try {
      return readFileSync(place, 'utf8');
    } catch (error) {
      throw new Error(`sealing_keys: cannot read ${place}`, { cause: error });
    }
  }
  const name = place.slice(FROM_ENVIRONMENT.length);
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`sealing_keys: the variable ${name} is not set`);
  return value;
}

/** One a line; what follows # is for people. Never shows what it found. */
function parseKeys(text: string, place: string): readonly WrappingKey[] {
  const lines = text.split('\n').map((line) => line.split('#', 1)[0]?.trim() ?? '');
  const keys = lines.flatMap((line, index) => {
    if (line === '') return [];
    const bytes = Buffer.from(line, /^[0-9a-f]{64}$/i.test(line) ? 'hex' : 'base64');
    if (bytes.length !== KEY_BYTES) {
      throw new Error(
        `sealing_keys: ${place}, line ${index + 1}: must be ${KEY_BYTES} bytes in hex or base64, found ${bytes.length}; ` +
          'onced keys make prints a new one',
      );
    }
    return [{ id: idOf(bytes), key: { version: WRAPPING_VERSION, bytes } }];
  });
  if (keys.length === 0) throw new Error(`sealing_keys: ${place} holds no key; onced keys make prints a new one`);
  return keys;
}

const ID_LENGTH = 12;
const idOf = (bytes: Buffer): string =>
  hash('sha256', Buffer.concat([Buffer.from('onced sealing key\n'), bytes]), 'hex').slice(0, ID_LENGTH);
