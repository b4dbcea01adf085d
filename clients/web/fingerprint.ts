// Fingerprints and derived keys, the same as in every language: see clients/vectors/README.md. Pages without HTTPS have no
// crypto.subtle, so the hash is a library's.

import { sha256 } from '@noble/hashes/sha2.js';
import { canonicalJson, type Fingerprint, type FingerprintOptions } from '../node/fingerprint/canonical-json.ts';
import { derivation } from '../node/fingerprint/derivation.ts';
import { parseStrictJson } from '../node/fingerprint/strict-json.ts';
import { toBase64Url } from './random-key.ts';

export { FingerprintError } from '../node/fingerprint/fingerprint-error.ts';
export { canonicalJson, type Fingerprint, type FingerprintOptions } from '../node/fingerprint/canonical-json.ts';

const hashText = (text: string): Uint8Array => sha256(new TextEncoder().encode(text));

/** Fingerprint of a value, as the JSON that JSON.stringify would send. @throws FingerprintError. */
export function fingerprintJson(value: unknown, options: FingerprintOptions = {}): Fingerprint {
  return { scheme: 'jcs-sha256-v1', digest: hashText(canonicalJson(value, options)) };
}

/** Fingerprint of JSON that came as text. @throws FingerprintError also for duplicate members and invalid UTF-8. */
export function fingerprintJsonText(text: string | Uint8Array, options: FingerprintOptions = {}): Fingerprint {
  return fingerprintJson(parseStrictJson(text), options);
}

/** Fingerprint of bytes as they are. */
export function fingerprintBytes(bytes: Uint8Array): Fingerprint {
  return { scheme: 'sha256-v1', digest: sha256(bytes) };
}

/** Bytes as bytes, anything else as JSON. */
export const fingerprintOf = (request: unknown, options: FingerprintOptions): Fingerprint =>
  request instanceof Uint8Array ? fingerprintBytes(request) : fingerprintJson(request, options);

/** The key of one step of an operation, the same in every language. @throws FingerprintError INVALID_KEY. */
export function deriveKey(key: string, step: string): string {
  return `d1${toBase64Url(hashText(derivation(key, step)))}`;
}
