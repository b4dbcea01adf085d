// The digest that tells a repeated Complete or Fail from a contradiction, also when the bytes are long dropped.

import { hash } from 'node:crypto';
import type { Labels, Settlement } from '../../storage/contract/index.ts';

/** Where small ones are put together: an allocation for each costs as much as the hash. */
const scratch = Buffer.alloc(16 * 1024);

/** SHA-256 (hex) over everything that the holder said of the outcome. How long to keep it is not part of what it said. */
export function settleDigest(settlement: Settlement): string {
  const parts = partsOf(settlement);
  let size = 4 * parts.length;
  for (const part of parts) size += lengthOf(part);
  const bytes = size <= scratch.length ? scratch.subarray(0, size) : Buffer.allocUnsafe(size);
  let offset = 4 * parts.length;
  let lengthOffset = 0;
  for (const part of parts) {
    const length = typeof part === 'string' ? bytes.write(part, offset) : put(part, bytes, offset);
    // Lengths before the parts, so that no two different contents give the same bytes.
    lengthOffset = bytes.writeUInt32BE(length, lengthOffset);
    offset += length;
  }
  return hash('sha256', bytes, 'hex');
}

type Part = string | Uint8Array;

const lengthOf = (part: Part): number => (typeof part === 'string' ? Buffer.byteLength(part) : part.length);

function put(part: Uint8Array, bytes: Buffer, offset: number): number {
  bytes.set(part, offset);
  return part.length;
}

function partsOf(settlement: Settlement): readonly Part[] {
  switch (settlement.kind) {
    case 'completed': {
      const { kind, result, contentType, contentEncoding, labels } = settlement;
      return [kind, result, contentType, contentEncoding, ...labelParts(labels)];
    }
    case 'released':
      return [settlement.kind, String(settlement.retryAfterMs), ...errorParts(settlement.error)];
    case 'failed':
    case 'unknown':
      return [settlement.kind, ...errorParts(settlement.error)];
  }
}

const labelParts = (labels: Labels): readonly string[] =>
  Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flat();

function errorParts(error: Extract<Settlement, { kind: 'unknown' }>['error']): readonly Part[] {
  return error === undefined ? [] : [error.code, error.message, error.detail, error.contentType];
}
