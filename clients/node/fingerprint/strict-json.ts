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

/**
 * JSON.parse keeps the last of several members with one name and says nothing. Needs text that it has accepted.
 * A loop, since a regular expression overflows its stack on a long string of escapes.
 */
function refuseDuplicates(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let latest = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      latest = text.slice(at, end + 1);
      at = end;
    } else if (character === ':') addName(open, latest);
    else if (character === '{' || character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
  }
}

/** Where the quote is that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function addName(open: (Set<string> | undefined)[], token: string): void {
  const name = JSON.parse(token) as string;
  const names = open.at(-1) ?? new Set();
  if (names.has(name)) {
    throw new FingerprintError('DUPLICATE_MEMBER', `the member ${JSON.stringify(name)} stands twice in one object`);
  }
  open[open.length - 1] = names.add(name);
}
