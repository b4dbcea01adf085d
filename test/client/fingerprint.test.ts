// Fingerprints and derived keys against the vectors that every client shares, and what only JavaScript values have.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { deriveKey } from '../../clients/node/fingerprint/derive-key.ts';
import { FingerprintError } from '../../clients/node/fingerprint/fingerprint-error.ts';
import {
  canonicalJson,
  fingerprintBytes,
  fingerprintJson,
  fingerprintJsonText,
} from '../../clients/node/fingerprint/fingerprint.ts';
import { parseStrictJson } from '../../clients/node/fingerprint/strict-json.ts';

interface Expected {
  readonly name: string;
  readonly refused?: string;
}
interface JsonCase extends Expected {
  readonly json?: string;
  readonly json_hex?: string;
  readonly exclude?: readonly string[];
  readonly canonical?: string;
  readonly digest?: string;
}
interface Vectors {
  readonly json: readonly JsonCase[];
  readonly bytes: readonly { name: string; hex: string; digest: string }[];
  readonly keys: readonly (Expected & { key: string; step: string; derived?: string })[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../clients/vectors/fingerprints.json', import.meta.url), 'utf8'),
) as Vectors;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('vectors: json', () => {
  test.each(vectors.json)('$name', ({ json, json_hex, exclude = [], canonical, digest, refused }) => {
    const text = json ?? Buffer.from(json_hex ?? '', 'hex');
    if (refused !== undefined) {
      expect(reasonOf(() => fingerprintJsonText(text, { exclude }))).toBe(refused);
      return;
    }
    expect(canonicalJson(parseStrictJson(text), { exclude })).toBe(canonical);
    const made = fingerprintJsonText(text, { exclude });
    expect({ scheme: made.scheme, digest: hex(made.digest) }).toEqual({ scheme: 'jcs-sha256-v1', digest });
  });
});

describe('vectors: bytes', () => {
  test.each(vectors.bytes)('$name', ({ hex: input, digest }) => {
    const made = fingerprintBytes(Buffer.from(input, 'hex'));
    expect({ scheme: made.scheme, digest: hex(made.digest) }).toEqual({ scheme: 'sha256-v1', digest });
  });
});

describe('vectors: keys', () => {
  test.each(vectors.keys)('$name', ({ key, step, derived, refused }) => {
    if (refused !== undefined) expect(reasonOf(() => deriveKey(key, step))).toBe(refused);
    else expect(deriveKey(key, step)).toBe(derived);
  });

  test('a key with half of a surrogate pair is refused', () => {
    expect(reasonOf(() => deriveKey('a\ud800', 'charge'))).toBe('INVALID_KEY');
  });
});

describe('values that only JavaScript has', () => {
  test('undefined members are left out, as JSON.stringify does', () => {
    expect(canonicalJson({ a: 1, b: undefined })).toBe('{"a":1}');
  });

  test('a Date is the text that it is sent as', () => {
    expect(canonicalJson({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
  });

  test('an instance of a class is its own members', () => {
    class Order {
      readonly id = 'A-1';
    }
    expect(canonicalJson(new Order())).toBe('{"id":"A-1"}');
  });

  test('an excluded member is not looked at', () => {
    expect(canonicalJson({ a: 1, trace: 10n }, { exclude: ['/trace'] })).toBe('{"a":1}');
  });

  test('a member named __proto__ is kept and pollutes nothing', () => {
    expect(hex(fingerprintJsonText('{"__proto__":{"isAdmin":true}}').digest)).not.toBe(hex(fingerprintJson({}).digest));
    expect('isAdmin' in {}).toBe(false);
  });

  test.each<[string, unknown, string]>([
    ['undefined', undefined, 'UNSUPPORTED_TYPE'],
    ['a hole in an array', Array.from({ length: 1 }), 'UNSUPPORTED_TYPE'],
    ['a bigint', { amount: 10n }, 'UNSUPPORTED_TYPE'],
    ['a function', { a: () => 1 }, 'UNSUPPORTED_TYPE'],
    ['a symbol', { a: Symbol('a') }, 'UNSUPPORTED_TYPE'],
    ['a Map, which JSON.stringify writes as {}', new Map([['amount', 10]]), 'UNSUPPORTED_TYPE'],
    ['a Set', new Set([1]), 'UNSUPPORTED_TYPE'],
    ['bytes within an object', { body: new Uint8Array(2) }, 'UNSUPPORTED_TYPE'],
    ['an invalid Date, which JSON.stringify writes as null', new Date(Number.NaN), 'UNSUPPORTED_TYPE'],
    ['NaN', { amount: Number.NaN }, 'NUMBER_OUT_OF_RANGE'],
    ['Infinity', [Number.POSITIVE_INFINITY], 'NUMBER_OUT_OF_RANGE'],
    ['half of a surrogate pair', 'a\udc00', 'LONE_SURROGATE'],
  ])('%s is refused', (_name, value, reason) => {
    expect(reasonOf(() => fingerprintJson(value))).toBe(reason);
  });

  test('a cycle is refused', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(reasonOf(() => fingerprintJson(cycle))).toBe('TOO_DEEP');
  });

  test('the message names the place', () => {
    expect(() => fingerprintJson({ lines: [{ price: Number.NaN }] })).toThrow(/"\/lines\/0\/price"/u);
  });
});

function reasonOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof FingerprintError) return error.reason;
    throw error;
  }
  return 'accepted';
}
