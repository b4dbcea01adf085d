// Keys that nobody can guess. crypto.randomUUID is missing on pages without HTTPS; getRandomValues is not.

const KEY_BYTES = 16;

/** 22 characters of A-Z a-z 0-9 - _: 128 random bits. */
export const randomKey = (): string => toBase64Url(crypto.getRandomValues(new Uint8Array(KEY_BYTES)));

export function toBase64Url(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCodePoint(...bytes));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
