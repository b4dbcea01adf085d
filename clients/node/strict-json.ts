// JSON text with nothing that two readers could understand differently: no duplicate members, no invalid UTF-8.

import { FingerprintError } from './fingerprint-error.ts';

/** The value of a JSON text (RFC 8259, no byte order mark). @throws FingerprintError NOT_JSON or DUPLICATE_MEMBER. */
export function parseStrictJson(input: string | Uint8Array): unknown {
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FingerprintError('NOT_JSON', 'the text is not JSON', { cause: error });
  }
  refuseDuplicates(text);
  return value;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new FingerprintError('NOT_JSON', 'the bytes are not UTF-8', { cause: error });
  }
}

// All that structure is made of; numbers, literals and blanks are passed over.
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/gu;

/** JSON.parse keeps the last of several members with one name and says nothing. Needs text that it has accepted. */
function refuseDuplicates(text: string): void {
  const open: Set<string>[] = [];
  let latest = '';
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') addName(open.at(-1), JSON.parse(latest) as string);
    else latest = token;
  }
}

function addName(names: Set<string> | undefined, name: string): void {
  if (names?.has(name) === true) {
    throw new FingerprintError('DUPLICATE_MEMBER', `the member ${JSON.stringify(name)} stands twice in one object`);
  }
  names?.add(name);
}
