// Keys of the steps of one operation, made of the operation's own key.

import { createHash } from 'node:crypto';
import { FingerprintError } from './fingerprint-error.ts';

const KEY_BYTES_MAX = 512;
// Names what is hashed, so that the digest can never be one that something else made.
const DOMAIN = 'onced-derive-key-v1';

/**
 * The key of one step of an operation: the same for the same two arguments in every release and language, different for
 * any other pair. 45 characters of A-Z a-z 0-9 - _, so that payment providers take it as an idempotency key too.
 *
 * deriveKey('order-17', 'charge') and deriveKey('order-17', 'mail') let one order do each step once.
 * @throws FingerprintError INVALID_KEY for a key or step that Onced would refuse as a key.
 */
export function deriveKey(key: string, step: string): string {
  checkKey('key', key);
  checkKey('step', step);
  // Neither holds a NUL, so no other pair gives the same bytes.
  const digest = createHash('sha256').update(`${DOMAIN}\0${key}\0${step}`).digest('base64url');
  return `d1${digest}`;
}

function checkKey(name: string, value: string): void {
  const bytes = Buffer.byteLength(value);
  if (!value.isWellFormed()) refuse(name, 'holds half of a surrogate pair');
  if (bytes > KEY_BYTES_MAX) refuse(name, `has ${bytes} bytes of UTF-8; at most ${KEY_BYTES_MAX} are allowed`);
  if (/\p{Cc}/u.test(value)) refuse(name, 'holds a control character');
  if (value.trim() === '') refuse(name, 'is empty or blank: it would be shared by all who forgot theirs');
}

function refuse(name: string, why: string): never {
  throw new FingerprintError('INVALID_KEY', `${name} ${why}`);
}
