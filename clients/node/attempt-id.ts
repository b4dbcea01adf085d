// Names of attempts. crypto.randomUUID would be missing on pages without HTTPS.

const BYTES = 16;

/** 32 hexadecimal digits. */
export const randomAttemptId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(BYTES)), (byte) => byte.toString(16).padStart(2, '0')).join('');
