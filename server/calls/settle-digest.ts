// The digest that tells a repeated Complete or Fail from a contradiction, also when the bytes are long dropped.

import { hash } from 'node:crypto';
import type { Labels, Settlement } from '../../storage/contract/index.ts';

/** SHA-256 (hex) over everything that the holder said of the outcome. How long to keep it is not part of what it said. */
export function settleDigest(settlement: Settlement): string {
  const parts = partsOf(settlement);
  const lengths = parts.map((part) => (typeof part === 'string' ? Buffer.byteLength(part) : part.length));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, 4 * parts.length));
  let offset = 0;
  // Length before each part, so that no two different contents give the same bytes.
  for (const length of lengths) offset = bytes.writeUInt32BE(length, offset);
  for (const [index, part] of parts.entries()) {
    if (typeof part === 'string') bytes.write(part, offset);
    else bytes.set(part, offset);
    offset += lengths[index] ?? 0;
  }
  return hash('sha256', bytes, 'hex');
}

function partsOf(settlement: Settlement): readonly (string | Uint8Array)[] {
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

function errorParts(error: Extract<Settlement, { kind: 'unknown' }>['error']): readonly (string | Uint8Array)[] {
  return error === undefined ? [] : [error.code, error.message, error.detail, error.contentType];
}
