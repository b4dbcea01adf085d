// Keys that nobody can guess. crypto.randomUUID is missing on pages without HTTPS; getRandomValues is not.

const KEY_BYTES = 16;

/** 22 characters of A-Z a-z 0-9 - _: 128 random bits. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return btoa(String.fromCodePoint(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
