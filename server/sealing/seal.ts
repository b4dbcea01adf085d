// Bytes that only the holder of a data key can read or change: AES-256-GCM, bound to what they belong to. Each value has a
// key of its own, made from the data key and 128 random bits, so that no number of values wears a data key out (with one
// key and random nonces it would be 2^32).

import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

export interface DataKey {
  /** 1, 2, 3 ... per namespace; stands in front of each sealed value. */
  readonly version: number;
  readonly bytes: Buffer;
}

const MAGIC = Buffer.from('\0oncedS\u0001', 'latin1');
const VERSION_BYTES = 4;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SALT_AT = MAGIC.length + VERSION_BYTES;
const NONCE_AT = SALT_AT + SALT_BYTES;
const CONTENT_AT = NONCE_AT + NONCE_BYTES;

/** By how much a sealed value is longer than what it holds. */
export const SEAL_BYTES = CONTENT_AT + TAG_BYTES;

export function isSealed(bytes: Uint8Array): boolean {
  return bytes.length >= SEAL_BYTES && MAGIC.equals(bytes.subarray(0, MAGIC.length));
}

/** Of the data key that sealed it. */
export const versionOf = (sealed: Uint8Array): number => asBuffer(sealed).readUInt32BE(MAGIC.length);

/** `belongsTo` must be given again to open it. */
export function seal(content: Uint8Array, key: DataKey, belongsTo: string): Buffer {
  const head = Buffer.allocUnsafe(CONTENT_AT);
  MAGIC.copy(head);
  head.writeUInt32BE(key.version, MAGIC.length);
  randomBytes(SALT_BYTES + NONCE_BYTES).copy(head, SALT_AT);
  const nonce = head.subarray(NONCE_AT);
  const cipher = createCipheriv('aes-256-gcm', ownKey(key, head), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(belongsTo, 'utf8'));
  return Buffer.concat([head, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined when it was changed, belongs elsewhere, or was sealed by another key. */
export function open(sealed: Uint8Array, key: DataKey, belongsTo: string): Buffer | undefined {
  const bytes = asBuffer(sealed);
  const nonce = bytes.subarray(NONCE_AT, CONTENT_AT);
  const decipher = createDecipheriv('aes-256-gcm', ownKey(key, bytes), nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(belongsTo, 'utf8'));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  const content = decipher.update(bytes.subarray(CONTENT_AT, bytes.length - TAG_BYTES));
  try {
    return Buffer.concat([content, decipher.final()]);
  } catch {
    return undefined;
  }
}

const ownKey = (key: DataKey, head: Buffer): Buffer =>
  createHmac('sha256', key.bytes).update(head.subarray(SALT_AT, NONCE_AT)).digest();

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
