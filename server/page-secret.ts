// What page tokens of records are bound with, kept in the store so that every server of it takes the tokens of the others. A
// token carries a place that the store reads: one that a caller made up must not get there.

import { randomBytes } from 'node:crypto';
import type { Registry } from '../storage/contract/index.ts';

const ENTRY = { collection: 'page-secret', name: 'records' };
const SECRET_BYTES = 32;

/** Looked up once, made when there is none. */
export function createPageSecret(registry: Registry): () => Promise<string> {
  let secret: string | undefined;
  return async () => {
    if (secret !== undefined) return secret;
    const found = await registry.get(ENTRY);
    if (found === undefined) {
      const value = JSON.stringify(randomBytes(SECRET_BYTES).toString('hex'));
      await registry.put({ ...ENTRY, value, expectedRevision: 0 });
    }
    const entry = found ?? (await registry.get(ENTRY));
    if (entry === undefined) throw new Error('written just now');
    return (secret = JSON.parse(entry.value) as string);
  };
}
