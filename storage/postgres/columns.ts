// How single values stand in their columns: texts that Onced never looks into are JSON with bytes in base64, keys and
// owners are bytes. So every value that a caller can send can be stored, a NUL included.

import type { ClaimRequest, Fingerprint, IntentError, Labels, Settlement } from '../contract/index.ts';

interface ClaimJson {
  readonly attemptId: string;
  readonly fingerprints: readonly { readonly scheme: string; readonly digest: string }[];
  readonly labels: Labels;
}

interface OutcomeJson {
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly labels: Labels;
}

/** A column of a row; the driver hands all of them over as text. */
export type Column = string | null | undefined;

export const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');
const base64 = (value: Uint8Array): string =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');

export function claimJson({ attemptId, fingerprints, labels }: ClaimRequest): string {
  const coded = fingerprints.map(({ scheme, digest }) => ({ scheme, digest: base64(digest) }));
  return JSON.stringify({ attemptId, fingerprints: coded, labels } satisfies ClaimJson);
}

export const outcomeJson = ({ contentType, contentEncoding, labels }: OutcomeJson): string =>
  JSON.stringify({ contentType, contentEncoding, labels });

export function errorJson(settlement: Settlement): string | undefined {
  if (settlement.kind === 'completed' || settlement.error === undefined) return undefined;
  const { code, message, detail, contentType } = settlement.error;
  return JSON.stringify({ code, message, detail: base64(detail), contentType });
}

export function claimOf(
  value: Column,
): Omit<ClaimJson, 'fingerprints'> & { readonly fingerprints: readonly Fingerprint[] } {
  const { attemptId, fingerprints, labels } = JSON.parse(value ?? '') as ClaimJson;
  return {
    attemptId,
    fingerprints: fingerprints.map(({ scheme, digest }) => ({ scheme, digest: Buffer.from(digest, 'base64') })),
    labels,
  };
}

export const outcomeOf = (value: Column): OutcomeJson =>
  typeof value === 'string' ? (JSON.parse(value) as OutcomeJson) : { contentType: '', contentEncoding: '', labels: {} };

export function errorOf(value: Column): IntentError | undefined {
  if (typeof value !== 'string') return undefined;
  const error = JSON.parse(value) as Omit<IntentError, 'detail'> & { readonly detail: string };
  return { ...error, detail: Buffer.from(error.detail, 'base64') };
}

export const bytesOf = (value: Column): Uint8Array | undefined =>
  typeof value === 'string' ? decodeBytes(value) : undefined;

/** Text that is kept as bytea: a key, an owner. */
export const textOf = (value: Column): string => decodeBytes(value ?? '').toString('utf8');

/** Postgres writes bytea as `\x` and hex digits, or, where bytea_output = escape, as text in which `\` starts an escape. */
function decodeBytes(value: string): Buffer {
  if (value.startsWith('\\x')) return Buffer.from(value.slice(2), 'hex');
  const unescaped = value.replaceAll(/\\(\\|[0-7]{3})/g, (_, code: string) =>
    code === '\\' ? code : String.fromCharCode(Number.parseInt(code, 8)),
  );
  return Buffer.from(unescaped, 'latin1');
}
