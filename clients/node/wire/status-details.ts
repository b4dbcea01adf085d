// From the details of a status to a typed error: the reason in ErrorInfo decides, the gRPC code only where there is none.

import { anyUnpack, durationMs, type Any } from '@bufbuild/protobuf/wkt';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../../proto/gen/google/rpc/error_details_pb.js';
import type { Status } from '../../../proto/gen/google/rpc/status_pb.js';
import { oncedError } from './error-table.ts';
import { CODES, type Code, type ErrorFacts, type OncedError } from '../errors.ts';

const DOMAIN = 'onced.v1';

/** The error that an answered status means. */
export const errorOfStatus = ({ code, message, details }: Status): OncedError =>
  oncedError({ ...readDetails(CODES[code] ?? 'UNKNOWN', details), message });

type Details = Omit<ErrorFacts, 'message' | 'cause'>;

export function readDetails(code: Code, details: readonly Any[]): Details {
  const reason = REASONS[code] ?? 'UNKNOWN';
  // So that all that broke on the way may be repeated, and nothing else.
  if (details.length === 0) return { code: reason === 'UNREACHABLE' ? 'UNAVAILABLE' : code, reason };
  let facts: Details = { code, reason };
  for (const detail of details) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info?.domain === DOMAIN) facts = { ...facts, reason: info.reason, metadata: info.metadata };
    const retry = anyUnpack(detail, RetryInfoSchema);
    if (retry?.retryDelay !== undefined) facts = { ...facts, retryAfterMs: durationMs(retry.retryDelay) };
    const request = anyUnpack(detail, BadRequestSchema);
    if (request !== undefined) {
      const violations = request.fieldViolations.map(({ field, description }) => ({ field, description }));
      facts = { ...facts, violations };
    }
  }
  return facts;
}

/**
 * Without an ErrorInfo the server itself did not answer: a proxy, the network or grpc-js did. A reset stream or a GOAWAY
 * comes as CANCELLED, INTERNAL or UNKNOWN (grpc-node #2694), and means no more than that the connection broke.
 */
const REASONS: Readonly<Partial<Record<Code, string>>> = {
  UNAVAILABLE: 'UNREACHABLE',
  CANCELLED: 'UNREACHABLE',
  INTERNAL: 'UNREACHABLE',
  UNKNOWN: 'UNREACHABLE',
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  UNAUTHENTICATED: 'UNAUTHENTICATED',
  PERMISSION_DENIED: 'PERMISSION_DENIED',
  UNIMPLEMENTED: 'UNIMPLEMENTED',
};
