// The edge: turns wire values into branded ones or says which field is wrong, which limit holds and what was found.
// Nothing is clamped. Everything behind this file trusts its types.

import { durationMs as protoDurationMs, type Duration } from '@bufbuild/protobuf/wkt';
import type { Fingerprint as WireFingerprint, IntentError as WireError } from '../proto/gen/onced/v1/record_pb.js';
import {
  durationMs,
  type DurationMs,
  type Fingerprint,
  type IntentError,
  type Key,
  type Labels,
  type LeaseToken,
  type Namespace,
} from '../storage/contract/index.ts';
import { invalidFields, type Violation } from './errors.ts';
import { limits } from './limits.ts';
import { OWN_ATTEMPT_PREFIXES } from './calls/reconciler.ts';

/** Gathers what is wrong with one request, so that the caller sees all of it at once. */
export class Violations {
  private readonly found: Violation[] = [];

  add(field: string, description: string): void {
    this.found.push({ field, description });
  }

  list(): readonly Violation[] {
    return this.found;
  }

  /** Throws INVALID_FIELD if anything was wrong. */
  check(): void {
    if (this.found.length > 0) throw invalidFields(this.found);
  }
}

const NAMESPACE_PATTERN = /^[a-z0-9][a-z0-9._/-]*$/;
const SCHEME_PATTERN = /^[a-z0-9._-]+$/;
const NOTHING_BUT_BLANKS = /^\s*$/u;
// eslint-disable-next-line no-control-regex -- finding control characters is the point
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;

export function readNamespace(value: string, violations: Violations): Namespace {
  if (value === '') violations.add('namespace', 'is required');
  else if (value.length > limits.namespaceBytesMax) {
    violations.add('namespace', `must be at most ${limits.namespaceBytesMax} bytes, found ${utf8Bytes(value)}`);
  } else if (!NAMESPACE_PATTERN.test(value)) {
    violations.add('namespace', 'must be of a-z 0-9 . _ - / and start with a letter or digit');
  }
  return value as Namespace;
}

export function readKey(value: string, violations: Violations): Key {
  const bytes = utf8Bytes(value);
  if (NOTHING_BUT_BLANKS.test(value)) {
    violations.add('key', 'must not be empty or only blanks: it would be shared by all who forgot theirs');
  } else if (bytes > limits.keyBytesMax) {
    violations.add('key', `must be at most ${limits.keyBytesMax} bytes of UTF-8, found ${bytes}`);
  } else if (CONTROL_CHARACTER.test(value)) {
    violations.add('key', 'must not contain control characters');
  } else if (!value.isWellFormed()) {
    violations.add('key', 'must be well-formed Unicode');
  }
  return value as Key;
}

export function readAttemptId(value: string, violations: Violations): string {
  if (value === '') violations.add('attempt_id', 'is required: a random name for this try, kept over its retries');
  else readText({ field: 'attempt_id', value, bytesMax: limits.attemptIdBytesMax }, violations);
  for (const prefix of OWN_ATTEMPT_PREFIXES) {
    if (value.startsWith(prefix))
      violations.add('attempt_id', `must not start with ${prefix}, which is the server's own`);
  }
  return value;
}

/** An operator's reason: optional here; calls that need one check that it is there. */
export const readReason = (value: string, violations: Violations): string =>
  readText({ field: 'reason', value, bytesMax: limits.reasonBytesMax }, violations);

export interface TextField {
  readonly field: string;
  readonly value: string;
  readonly bytesMax: number;
}

export function readText({ field, value, bytesMax }: TextField, violations: Violations): string {
  // Postgres keeps no NUL in text; a value that one store takes and another refuses helps nobody.
  if (value.includes('\0')) violations.add(field, 'must not contain NUL');
  // One UTF-16 unit is at most three bytes of UTF-8, so that most values need no counting.
  if (value.length * 3 > bytesMax && utf8Bytes(value) > bytesMax) {
    violations.add(field, `must be at most ${bytesMax} bytes of UTF-8, found ${utf8Bytes(value)}`);
  }
  return value;
}

export interface BytesField {
  readonly field: string;
  readonly value: Uint8Array;
  readonly bytesMax: number;
}

export function readBytes({ field, value, bytesMax }: BytesField, violations: Violations): Uint8Array {
  if (value.length > bytesMax) violations.add(field, `must be at most ${bytesMax} bytes, found ${value.length}`);
  return value;
}

export function readLeaseToken(value: Uint8Array, violations: Violations): LeaseToken {
  if (value.length !== limits.leaseTokenBytes) {
    violations.add(
      'lease_token',
      `must be the ${limits.leaseTokenBytes} bytes of acquired.lease_token, found ${value.length}`,
    );
  }
  return leaseTokenOf(value);
}

export const leaseTokenOf = (bytes: Uint8Array): LeaseToken =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex') as LeaseToken;

export function readLabels(field: string, labels: Labels, violations: Violations): Labels {
  const entries = Object.entries(labels);
  if (entries.length > limits.labelsMax) {
    violations.add(field, `must be at most ${limits.labelsMax}, found ${entries.length}`);
  }
  for (const [name, value] of entries.slice(0, limits.labelsMax)) {
    if (name === '') violations.add(field, 'must not have an empty name');
    readText({ field: `${field} name`, value: name, bytesMax: limits.labelNameBytesMax }, violations);
    readText({ field: `${field}[${printable(name)}]`, value, bytesMax: limits.labelValueBytesMax }, violations);
  }
  return labels;
}

export function readFingerprints(wire: readonly WireFingerprint[], violations: Violations): readonly Fingerprint[] {
  if (wire.length > limits.fingerprintsMax) {
    violations.add('fingerprints', `must be at most ${limits.fingerprintsMax}, found ${wire.length}`);
  }
  const schemes = new Set<string>();
  for (const [index, { scheme, digest }] of wire.slice(0, limits.fingerprintsMax).entries()) {
    const field = `fingerprints[${index}]`;
    if (!SCHEME_PATTERN.test(scheme) || scheme.length > limits.fingerprintSchemeBytesMax) {
      violations.add(`${field}.scheme`, `must be 1 to ${limits.fingerprintSchemeBytesMax} bytes of a-z 0-9 . _ -`);
    }
    if (digest.length === 0) violations.add(`${field}.digest`, 'must not be empty');
    readBytes({ field: `${field}.digest`, value: digest, bytesMax: limits.fingerprintDigestBytesMax }, violations);
    if (schemes.has(scheme)) violations.add(`${field}.scheme`, 'must not be given twice');
    schemes.add(scheme);
  }
  return wire.map(({ scheme, digest }) => ({ scheme, digest }));
}

export interface DurationField {
  readonly field: string;
  readonly value: Duration | undefined;
  readonly msMin: number;
  readonly msMax: number;
}

/** Undefined when the caller left it open. Parts of a millisecond round up. */
export function readDuration(duration: DurationField, violations: Violations): DurationMs | undefined {
  const { field, value, msMin, msMax } = duration;
  if (value === undefined) return undefined;
  const ms = Math.ceil(protoDurationMs(value));
  if (!isWellFormedDuration(value) || ms < msMin || ms > msMax) {
    violations.add(field, `must be from ${readableMs(msMin)} to ${readableMs(msMax)}, found ${readableMs(ms)}`);
  }
  return durationMs(ms);
}

/** Not negative, and with less than a second of nanos: protobuf carries any numbers. */
export const isWellFormedDuration = ({ nanos }: Duration): boolean => nanos >= 0 && nanos < 1e9;

export function readError(wire: WireError | undefined, violations: Violations): IntentError | undefined {
  if (wire === undefined) return undefined;
  if (wire.code === '') violations.add('error.code', 'is required');
  return {
    code: readText({ field: 'error.code', value: wire.code, bytesMax: limits.errorCodeBytesMax }, violations),
    message: readText(
      { field: 'error.message', value: wire.message, bytesMax: limits.errorMessageBytesMax },
      violations,
    ),
    detail: readBytes({ field: 'error.detail', value: wire.detail, bytesMax: limits.errorDetailBytesMax }, violations),
    contentType: readText(
      { field: 'error.content_type', value: wire.contentType, bytesMax: limits.contentTypeBytesMax },
      violations,
    ),
  };
}

const utf8Bytes = (value: string): number => Buffer.byteLength(value, 'utf8');

const printable = (name: string): string => JSON.stringify(name.slice(0, limits.labelNameBytesMax));

function readableMs(ms: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [1000, 's'],
  ];
  const unit = units.find(([size]) => Math.abs(ms) >= size && ms % size === 0);
  return unit === undefined ? `${ms} ms` : `${ms / unit[0]} ${unit[1]}`;
}
