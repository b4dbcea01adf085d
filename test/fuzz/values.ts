// Random messages of any type, from its descriptor: mostly what a caller could mean, often at a bound, sometimes absurd.

import { ScalarType, type DescEnum, type DescField, type DescMessage } from '@bufbuild/protobuf';
import type { Random } from '../model/random.ts';

/** What an acquired answer gave: so that calls by a token often have a real one. */
export interface Holder {
  readonly namespace: string;
  readonly key: string;
  readonly leaseToken: Uint8Array;
}

export interface Values {
  /** What `create` takes for this type. */
  message(desc: DescMessage): Record<string, unknown>;
  remember(holder: Holder): void;
}

/** Few, so that inputs meet each other's records and what the server keeps stays bounded. */
const NAMESPACES = ['fuzz/a', 'fuzz/b', 'fuzz/b/c'];
const KEYS = Array.from({ length: 12 }, (_, index) => `k${index}`);
const ODD_TEXTS = [
  '',
  ' \t ',
  'a\0b',
  'line\nfeed',
  '\u202egnp.exe',
  'é',
  'e\u0301',
  '😀'.repeat(130),
  'x'.repeat(5000),
  '\ud800',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  "'; drop table records; --",
  '{slot}{slot}',
  '%s%n',
  'onced:review:held',
  'onced.sealed:x',
];
const ODD_NUMBERS = [0, 1, 2, 99, 127, 128, 1000, 1001, 65_536, 2 ** 31 - 1];
const ODD_BIGS = [0n, 1n, -1n, 1000n, 2n ** 31n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)];
const DEPTH_MAX = 4;
const HOLDERS_MAX = 64;

export function createValues(random: Random): Values {
  const holders: Holder[] = [];

  const text = (name: string): string => {
    if (random.chance(0.06)) return random.pick(ODD_TEXTS);
    if (name === 'namespace') return random.pick(NAMESPACES);
    if (name === 'key' || name === 'key_prefix') return random.pick(KEYS);
    return `${name}-${random.between(0, 9)}`;
  };

  const bytes = (name: string): Uint8Array => {
    if (name === 'lease_token' && random.chance(0.9)) return Buffer.from(random.hex(32), 'hex');
    const length = random.chance(0.02) ? random.between(1000, 5000) : random.between(0, 32);
    return Buffer.alloc(length, random.between(0, 255));
  };

  const scalar = (type: ScalarType, name: string): unknown => {
    switch (type) {
      case ScalarType.STRING:
        return text(name);
      case ScalarType.BYTES:
        return bytes(name);
      case ScalarType.BOOL:
        return random.chance(0.5);
      case ScalarType.DOUBLE:
      case ScalarType.FLOAT:
        return random.pick([0, -1, 1.5, NaN, Infinity]);
      case ScalarType.INT64:
      case ScalarType.SINT64:
      case ScalarType.SFIXED64:
        return random.chance(0.7) ? BigInt(random.between(0, 40)) : random.pick(ODD_BIGS);
      case ScalarType.UINT64:
      case ScalarType.FIXED64:
        return random.chance(0.7) ? BigInt(random.between(0, 40)) : BigInt.asUintN(64, random.pick(ODD_BIGS));
      case ScalarType.INT32:
      case ScalarType.SINT32:
      case ScalarType.SFIXED32:
        return random.chance(0.2) ? -random.pick(ODD_NUMBERS) : random.pick(ODD_NUMBERS);
      case ScalarType.UINT32:
      case ScalarType.FIXED32:
        return random.pick(ODD_NUMBERS);
    }
  };

  const enumeration = ({ values }: DescEnum): number =>
    random.chance(0.05) ? random.pick([-1, 99, 2 ** 31 - 1]) : random.pick(values).number;

  const single = (field: DescField, depth: number): unknown => {
    if (field.message !== undefined) return message(field.message, depth + 1);
    if (field.enum !== undefined) return enumeration(field.enum);
    return scalar(field.scalar ?? ScalarType.STRING, field.name);
  };

  const value = (field: DescField, depth: number): unknown => {
    if (field.fieldKind === 'list') {
      return Array.from({ length: random.chance(0.03) ? 20 : random.between(0, 2) }, () => single(field, depth));
    }
    if (field.fieldKind !== 'map') return single(field, depth);
    const count = random.chance(0.03) ? 20 : random.between(0, 2);
    return Object.fromEntries(Array.from({ length: count }, () => [text('label'), text('value')]));
  };

  /** A wait holds its answer back, which is not what this is about. */
  const isLeftOut = (field: DescField, depth: number): boolean =>
    (field.message !== undefined && depth >= DEPTH_MAX) ||
    (field.name === 'wait' && random.chance(0.99)) ||
    !random.chance(isNearlyAlwaysThere(field) ? 0.97 : 0.4);

  const message = (desc: DescMessage, depth = 0): Record<string, unknown> => {
    const init: Record<string, unknown> = {};
    for (const member of desc.members) {
      if (member.kind === 'oneof') {
        const field = random.pick(member.fields);
        if (random.chance(0.95)) init[member.localName] = { case: field.localName, value: value(field, depth) };
      } else if (!isLeftOut(member, depth)) init[member.localName] = value(member, depth);
    }
    const holder = holders.length > 0 && 'leaseToken' in init && random.chance(0.6) ? random.pick(holders) : undefined;
    return { ...init, ...holder };
  };

  return {
    message,
    remember(holder) {
      if (holders.length >= HOLDERS_MAX) holders.shift();
      holders.push(holder);
    },
  };
}

const isNearlyAlwaysThere = ({ name }: DescField): boolean =>
  ['namespace', 'key', 'attempt_id', 'lease_token', 'id', 'kind'].includes(name);
