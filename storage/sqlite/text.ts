// How the parts of a record that SQL never looks into are written as text.

import type { Fingerprint, IntentError, Labels } from '../contract/index.ts';

const NO_LABELS: Labels = Object.freeze({});
const NO_FINGERPRINTS: readonly Fingerprint[] = Object.freeze([]);

/**
 * What stands in the writer's records: it hands the text on as it came and never looks at a fingerprint, and reading them
 * took a sixteenth of its time.
 */
export const UNREAD_FINGERPRINTS: readonly Fingerprint[] = Object.freeze([]);

/** Bytes as a string of one character a byte: the cheapest form to send to another thread. */
export const packBytes = (bytes: Uint8Array): string => asBuffer(bytes).toString('latin1');
export const unpackBytes = (text: string): Buffer => Buffer.from(text, 'latin1');

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function packLabels(labels: Labels): string {
  for (const _ in labels) return JSON.stringify(labels);
  return '';
}

export const unpackLabels = (text: string): Labels => (text === '' ? NO_LABELS : (JSON.parse(text) as Labels));

export function packFingerprints(fingerprints: readonly Fingerprint[]): string {
  if (fingerprints.length === 0) return '';
  return JSON.stringify(fingerprints.map(({ scheme, digest }) => [scheme, asBuffer(digest).toString('hex')]));
}

export function unpackFingerprints(text: string): readonly Fingerprint[] {
  if (text === '') return NO_FINGERPRINTS;
  const pairs = JSON.parse(text) as readonly (readonly [string, string])[];
  return pairs.map(([scheme, digest]) => ({ scheme, digest: Buffer.from(digest, 'hex') }));
}

export function packError(error: IntentError | undefined): string | null {
  if (error === undefined) return null;
  return JSON.stringify([error.code, error.message, error.contentType, asBuffer(error.detail).toString('base64')]);
}

export function unpackError(text: string | null): IntentError | undefined {
  if (text === null) return undefined;
  const [code, message, contentType, detail] = JSON.parse(text) as readonly [string, string, string, string];
  return { code, message, contentType, detail: Buffer.from(detail, 'base64') };
}
