// Checks that must be made before a request is encoded. Everything else is the server's to judge, so that a limit stands
// in one place; but what protobuf would change in silence (half of a surrogate pair, a NaN, a number for a text) must
// not leave this process.

import { create } from '@bufbuild/protobuf';
import { durationFromMs, type Duration } from '@bufbuild/protobuf/wkt';
import { FingerprintSchema, type Fingerprint as WireFingerprint } from '../../../proto/gen/onced/v1/record_pb.js';
import { InvalidFieldError } from '../errors.ts';
import type { Fingerprint } from '../fingerprint/canonical-json.ts';
import type { Labels } from '../types.ts';

/** Beyond every bound of the API, so that no request can overgrow a packed message, which others share. */
const TEXT_LENGTH_MAX = 4096;
const BYTES_MAX = 1024 * 1024;
const LABELS_MAX = 16;

export function text(field: string, value: string): string {
  if (typeof value !== 'string') throw invalidField(field, `must be a string, found ${typeof value}`);
  if (value.length > TEXT_LENGTH_MAX) throw invalidField(field, `is far too long: ${value.length} characters`);
  if (!value.isWellFormed()) throw invalidField(field, 'holds half of a surrogate pair');
  return value;
}

export function bytes(field: string, value: Uint8Array): Uint8Array {
  if (!(value instanceof Uint8Array)) throw invalidField(field, `must be a Uint8Array, found ${typeof value}`);
  if (value.length > BYTES_MAX) throw invalidField(field, `must be at most ${BYTES_MAX} bytes, found ${value.length}`);
  return value;
}

/** Rounded to whole milliseconds. */
export function duration(field: string, ms: number | undefined): Duration | undefined {
  if (ms === undefined) return undefined;
  if (!Number.isFinite(ms)) throw invalidField(field, `must be a finite number of milliseconds, found ${ms}`);
  return durationFromMs(Math.round(ms));
}

export function count(field: string, value: number | undefined): number {
  if (value === undefined) return 0;
  // 0 on the wire means absent, so it must be refused here: nobody who asks for none wants the default.
  if (!Number.isInteger(value) || value < 1 || value > 0xffff_ffff) {
    throw invalidField(field, `must be a whole number of at least 1, found ${value}`);
  }
  return value;
}

export function labels(field: string, values: Labels = {}): Record<string, string> {
  const entries = Object.entries(values);
  if (entries.length > LABELS_MAX) throw invalidField(field, `must be at most ${LABELS_MAX}, found ${entries.length}`);
  for (const [name, value] of entries) {
    text(`${field} name`, name);
    text(`${field}[${JSON.stringify(name)}]`, value);
  }
  // A copy without prototype, so that no name can mean anything else.
  return entries.length === 0 ? {} : Object.assign(Object.create(null), values);
}

export function fingerprints(values: readonly Fingerprint[] = []): WireFingerprint[] {
  return values.map(({ scheme, digest }) =>
    create(FingerprintSchema, {
      scheme: text('fingerprints.scheme', scheme),
      digest: bytes('fingerprints.digest', digest),
    }),
  );
}

export function invalidField(field: string, description: string): InvalidFieldError {
  return new InvalidFieldError({
    code: 'INVALID_ARGUMENT',
    reason: 'INVALID_FIELD',
    message: `${field}: ${description}`,
    violations: [{ field, description }],
  });
}
