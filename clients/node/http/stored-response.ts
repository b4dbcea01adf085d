// A response as it is stored: in the form that HTTP itself gives it, status line, headers, an empty line, the body. So every
// language reads it, and a person too. The rules are in clients/vectors/README.md.

import { StoredValue } from '../work/values.ts';

const STORED_TYPE = 'message/http';
const STATUS_LABEL = 'http.status';
/** "not-kept" for a body over the limit. */
const BODY_LABEL = 'http.body';

export type Headers = readonly (readonly [name: string, value: string])[];

export interface HeldResponse {
  readonly status: number;
  /** Names in lower case; one with several values stands several times. */
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** The body was over the limit: it has reached its caller, and is not stored. */
  readonly isNotKept: boolean;
}

/** Keeps the headers of the allow-list only, whose names are in lower case and sorted. */
export function storedResponse(response: HeldResponse, allowed: readonly string[]): StoredValue {
  const { status, headers, body, isNotKept } = response;
  const lines = allowed.flatMap((name) =>
    headers.filter(([own]) => own === name).map(([, value]) => `${name}: ${value.replaceAll(/[\r\n]/gu, ' ')}\r\n`),
  );
  // Bytes of a header are those of its characters: HTTP in Node is latin1.
  const head = Buffer.from(`HTTP/1.1 ${status} \r\n${lines.join('')}\r\n`, 'latin1');
  const labels = { [STATUS_LABEL]: String(status), ...(isNotKept ? { [BODY_LABEL]: 'not-kept' } : {}) };
  return new StoredValue(isNotKept ? head : Buffer.concat([head, body]), STORED_TYPE, labels);
}

/** @throws TypeError when the key's outcome is not a response. */
export function restoredResponse(stored: {
  readonly value: unknown;
  readonly contentType: string;
  readonly labels: Readonly<Record<string, string>>;
}): HeldResponse {
  const bytes = stored.value instanceof Uint8Array ? Buffer.from(stored.value) : Buffer.alloc(0);
  const end = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = /^HTTP\/\d\.\d (\d{3})\b/u.exec(first)?.[1];
  if (stored.contentType !== STORED_TYPE || status === undefined || end < 0) {
    throw new TypeError(`the outcome of this key is ${stored.contentType}, not a response`);
  }
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const isNotKept = stored.labels[BODY_LABEL] === 'not-kept';
  return { status: Number(status), headers, body: new Uint8Array(bytes.subarray(end + 4)), isNotKept };
}
