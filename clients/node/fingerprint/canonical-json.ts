// RFC 8785 canonical JSON, for fingerprints. The rules are in clients/vectors/README.md.

import { parseExclude, select, type Exclude } from './exclude.ts';
import { FingerprintError } from './fingerprint-error.ts';

/** Arrays and objects within one another. Deeper input is hostile or a cycle, and some languages would overflow their stack. */
const DEPTH_MAX = 128;

export interface Fingerprint {
  readonly scheme: string;
  readonly digest: Uint8Array;
}

export interface FingerprintOptions {
  /**
   * Parts that do not belong to the request's meaning, such as a time stamp that changes with every retry: JSON pointers
   * (RFC 6901) in which a segment `*` stands for every member or element. `/sent_at`, `/items/0/trace`. A pointer that
   * finds nothing is fine. Default: none.
   */
  readonly exclude?: readonly string[];
}

/** The canonical text that is hashed. @throws FingerprintError as fingerprintJson. */
export function canonicalJson(value: unknown, options: FingerprintOptions = {}): string {
  return writeValue(value, { exclude: (options.exclude ?? []).map(parseExclude), path: '', depth: 0 });
}

interface Place {
  readonly exclude: readonly Exclude[];
  /** JSON pointer of the value, for error messages. */
  readonly path: string;
  readonly depth: number;
}

function writeValue(input: unknown, place: Place): string {
  const value = jsonForm(input, place);
  switch (typeof value) {
    case 'string':
      return writeString(value, place);
    case 'number':
      return writeNumber(value, place);
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      if (place.depth >= DEPTH_MAX) {
        throw new FingerprintError('TOO_DEEP', `more than ${DEPTH_MAX} arrays and objects within one another`);
      }
      return Array.isArray(value) ? writeArray(value, place) : writeObject(value, place);
    case 'undefined':
    case 'bigint':
    case 'symbol':
    case 'function':
      throw unsupported(typeof value, place);
  }
}

/** JSON.stringify writes numbers as RFC 8785 asks, since that rule was taken from ECMAScript; -0 becomes 0. */
function writeNumber(value: number, place: Place): string {
  if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) {
    const what = `${value} at "${place.path}" is not a number of magnitude up to 2^53 - 1, which every language reads alike`;
    throw new FingerprintError('NUMBER_OUT_OF_RANGE', `${what}: send it as a string`);
  }
  return JSON.stringify(value);
}

/** JSON.stringify escapes strings as RFC 8785 asks, except that it writes lone surrogates, which have no UTF-8. */
function writeString(value: string, place: Place): string {
  if (!value.isWellFormed()) {
    throw new FingerprintError('LONE_SURROGATE', `text at "${place.path}" holds half of a surrogate pair`);
  }
  return JSON.stringify(value);
}

function writeArray(values: readonly unknown[], place: Place): string {
  const items: string[] = [];
  for (let index = 0; index < values.length; index++) {
    const below = step(place, String(index));
    if (below !== undefined) items.push(writeValue(values[index], below));
  }
  return `[${items.join(',')}]`;
}

function writeObject(value: object, place: Place): string {
  // A Map or a Set would be written as {}, and two different ones would share a fingerprint.
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind !== 'Object') throw unsupported(kind, place);
  const members: string[] = [];
  // Without a comparison, sort orders by UTF-16 code units, as RFC 8785 asks.
  for (const name of Object.keys(value).sort()) {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    const below = member === undefined ? undefined : step(place, name);
    if (below !== undefined) members.push(`${writeString(name, below)}:${writeValue(member, below)}`);
  }
  return `{${members.join(',')}}`;
}

/** The place of a member or element; undefined when it is excluded. */
function step(place: Place, segment: string): Place | undefined {
  const exclude = place.exclude.length === 0 ? place.exclude : select(place.exclude, segment);
  if (exclude === undefined) return undefined;
  return { exclude, path: `${place.path}/${segment}`, depth: place.depth + 1 };
}

/** What JSON.stringify would write in its place. An invalid Date would be null, equal to every other invalid Date. */
function jsonForm(value: unknown, place: Place): unknown {
  if (value instanceof Date && Number.isNaN(value.getTime())) throw unsupported('invalid Date', place);
  const hasForm =
    typeof value === 'object' && value !== null && 'toJSON' in value && typeof value.toJSON === 'function';
  return hasForm ? (value as { toJSON(): unknown }).toJSON() : value;
}

function unsupported(kind: string, place: Place): FingerprintError {
  return new FingerprintError(
    'UNSUPPORTED_TYPE',
    `${kind} at "${place.path}" has no JSON; use a string, number or object`,
  );
}
