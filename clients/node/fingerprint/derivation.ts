// What a derived key is the hash of.

import { FingerprintError } from './fingerprint-error.ts';

const KEY_BYTES_MAX = 512;
// Names what is hashed, so that the digest can never be one that something else made.
const DOMAIN = 'onced-derive-key-v1';

/** @throws FingerprintError INVALID_KEY for a key or step that Onced would refuse as a key. */
export function derivation(key: string, step: string): string {
  checkKey('key', key);
  checkKey('step', step);
  // Neither holds a NUL, so no other pair gives the same bytes.
  return `${DOMAIN}\0${key}\0${step}`;
}

function checkKey(name: string, value: string): void {
  const bytes = new TextEncoder().encode(value).length;
  if (!value.isWellFormed()) refuse(name, 'holds half of a surrogate pair');
  if (bytes > KEY_BYTES_MAX) refuse(name, `has ${bytes} bytes of UTF-8; at most ${KEY_BYTES_MAX} are allowed`);
  if (/\p{Cc}/u.test(value)) refuse(name, 'holds a control character');
  if (value.trim() === '') refuse(name, 'is empty or blank: it would be shared by all who forgot theirs');
}

function refuse(name: string, why: string): never {
  throw new FingerprintError('INVALID_KEY', `${name} ${why}`);
}
