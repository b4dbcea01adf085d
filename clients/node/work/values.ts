// Results of work, as bytes and back. Both the caller who ran it and those who get it replayed receive what the bytes say.

import type { Labels } from '../types.ts';

/** A value and no value (zero bytes). The media type alone tells it from bytes, so that an empty result is not `undefined`. */
const JSON_TYPE = 'application/json';
const BYTES_TYPE = 'application/octet-stream';

export interface EncodedValue {
  readonly result: Uint8Array;
  readonly contentType: string;
  readonly labels?: Labels;
}

/** Returned by work that has a form of its own: stored as it is, with its media type and labels. */
export class StoredValue implements EncodedValue {
  readonly result: Uint8Array;
  readonly contentType: string;
  readonly labels: Labels;

  constructor(result: Uint8Array, contentType: string, labels: Labels = {}) {
    this.result = result;
    this.contentType = contentType;
    this.labels = labels;
  }
}

/** @throws TypeError for what has no JSON: a function, a bigint, a cycle. */
export function encodeValue(value: unknown): EncodedValue {
  if (value instanceof StoredValue) return value;
  if (value instanceof Uint8Array) return { result: value, contentType: BYTES_TYPE };
  if (value === undefined) return { result: new Uint8Array(), contentType: JSON_TYPE };
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined) throw new TypeError(`a result of type ${typeof value} has no JSON`);
  return { result: new TextEncoder().encode(json), contentType: JSON_TYPE };
}

/**
 * JSON is parsed; anything else, and what is compressed, stays the bytes that were stored.
 * @throws TypeError when another client stored bytes as JSON that are none.
 */
export function decodeValue(stored: EncodedValue & { readonly contentEncoding?: string }): unknown {
  const isJson = stored.contentType === JSON_TYPE || stored.contentType.startsWith(`${JSON_TYPE};`);
  if (!isJson || (stored.contentEncoding ?? '') !== '') return stored.result;
  if (stored.result.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(stored.result));
  } catch (error) {
    throw new TypeError('the stored result is called JSON and is none', { cause: error });
  }
}
