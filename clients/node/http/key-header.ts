// The Idempotency-Key header: a string of RFC 9651 ("8e03978e"), as the draft has it, or the same without quotes, as most
// clients send it. Both are the same key.

const KEY_CHARACTERS_MAX = 255;

export const KEY_RULE =
  'an idempotency key is one value of 1 to 255 visible ASCII characters, in double quotes or without any';

export type KeyFound = { readonly kind: 'key'; readonly key: string } | { readonly kind: 'missing' | 'malformed' };

/** `values` are those of the header, one for each time that it was sent. */
export function readKey(values: readonly string[]): KeyFound {
  const [first, ...others] = values;
  if (first === undefined) return { kind: 'missing' };
  const value = first.replaceAll(/^[ \t]+|[ \t]+$/gu, '');
  const key = value.startsWith('"') ? unquoted(value) : bare(value);
  const isGood = others.length === 0 && key !== undefined && key.length <= KEY_CHARACTERS_MAX;
  return isGood ? { kind: 'key', key } : { kind: 'malformed' };
}

/** Visible ASCII without what would mean something in a structured field. */
const bare = (value: string): string | undefined => (/^[!#-+\--[\]-~]+$/u.test(value) ? value : undefined);

/** sf-string: nothing but a quote and a backslash may be escaped. Blank ones are refused: all who forgot theirs would share it. */
function unquoted(value: string): string | undefined {
  const inner = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/u.exec(value)?.[1]?.replaceAll(/\\(.)/gu, '$1');
  return inner === undefined || inner.trim() === '' ? undefined : inner;
}
