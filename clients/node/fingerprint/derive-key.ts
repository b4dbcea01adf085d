// Keys of the steps of one operation, made of the operation's own key.

import { createHash } from 'node:crypto';
import { derivation } from './derivation.ts';

/**
 * The key of one step of an operation: the same for the same two arguments in every release and language, different for
 * any other pair. 45 characters of A-Z a-z 0-9 - _, so that payment providers take it as an idempotency key too.
 *
 * deriveKey('order-17', 'charge') and deriveKey('order-17', 'mail') let one order do each step once.
 * @throws FingerprintError INVALID_KEY for a key or step that Onced would refuse as a key.
 */
export function deriveKey(key: string, step: string): string {
  const digest = createHash('sha256').update(derivation(key, step)).digest('base64url');
  return `d1${digest}`;
}
