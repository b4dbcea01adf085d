// Fingerprints: hashes of the request that a key stands for, the same in every language. The rules are in
// clients/vectors/README.md, and clients/vectors/fingerprints.json holds the cases that every client must reproduce.

import { createHash } from 'node:crypto';
import { canonicalJson, type Fingerprint, type FingerprintOptions } from './canonical-json.ts';
import { parseStrictJson } from './strict-json.ts';

export { canonicalJson, type Fingerprint, type FingerprintOptions } from './canonical-json.ts';

/** RFC 8785 canonical JSON, encoded as UTF-8, hashed with SHA-256. */
export const JSON_SCHEME = 'jcs-sha256-v1';
/** The bytes as they are, hashed with SHA-256. */
export const BYTES_SCHEME = 'sha256-v1';

/**
 * Fingerprint of a value, as the JSON that JSON.stringify would send: `toJSON` is called, undefined members are left out.
 * @throws FingerprintError for what has no JSON that every language reads alike.
 */
export function fingerprintJson(value: unknown, options: FingerprintOptions = {}): Fingerprint {
  return { scheme: JSON_SCHEME, digest: sha256(canonicalJson(value, options)) };
}

/**
 * Fingerprint of JSON that came as text, such as an HTTP body: equal to that of the parsed value.
 * @throws FingerprintError also for invalid JSON or UTF-8 and for duplicate members, which a parsed value no longer shows.
 */
export function fingerprintJsonText(text: string | Uint8Array, options: FingerprintOptions = {}): Fingerprint {
  return fingerprintJson(parseStrictJson(text), options);
}

/** Fingerprint of bytes as they are. For requests that are not JSON. */
export function fingerprintBytes(bytes: Uint8Array): Fingerprint {
  return { scheme: BYTES_SCHEME, digest: sha256(bytes) };
}

/** Bytes are fingerprinted as bytes, anything else as JSON. @throws FingerprintError. */
export const fingerprintOf = (request: unknown, options: FingerprintOptions): Fingerprint =>
  request instanceof Uint8Array ? fingerprintBytes(request) : fingerprintJson(request, options);

const sha256 = (data: string | Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(data).digest());
