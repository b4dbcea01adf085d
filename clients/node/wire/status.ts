// From a status on the wire to a typed error: the reason in ErrorInfo decides, the gRPC code only where there is none.

import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack, durationMs, type Any } from '@bufbuild/protobuf/wkt';
import type { ServiceError } from '@grpc/grpc-js';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../../proto/gen/google/rpc/error_details_pb.js';
import { StatusSchema, type Status } from '../../../proto/gen/google/rpc/status_pb.js';
import { NO_CONNECTION, oncedError } from './error-table.ts';
import { CODES, type Code, type ErrorFacts, type OncedError } from '../errors.ts';

const DOMAIN = 'onced.v1';

/** The error that a Session answers for one operation. */
export const errorOfStatus = ({ code, message, details }: Status): OncedError =>
  oncedError({ ...readDetails(CODES[code] ?? 'UNKNOWN', details), message });

/** The error that grpc-js gives for a unary call or a broken stream. */
export function errorOfCall(error: ServiceError): OncedError {
  const packed = error.metadata?.get('grpc-status-details-bin')[0];
  const details = Buffer.isBuffer(packed) ? readStatus(packed) : [];
  const facts = readDetails(CODES[error.code] ?? 'UNKNOWN', details);
  const metadata = facts.reason === 'UNREACHABLE' && !hasTrailers(error) ? NO_CONNECTION : facts.metadata;
  return oncedError({
    ...facts,
    ...(metadata === undefined ? {} : { metadata }),
    message: error.details,
    cause: error,
  });
}

/** Whoever answers sends a content type at least; what grpc-js says by itself has nothing. */
const hasTrailers = ({ metadata }: ServiceError): boolean => Object.keys(metadata?.getMap() ?? {}).length > 0;

function readStatus(bytes: Buffer): readonly Any[] {
  try {
    return fromBinary(StatusSchema, bytes).details;
  } catch {
    // Not ours: something between us and the server answered. The code still stands.
    return [];
  }
}

type Details = Omit<ErrorFacts, 'message' | 'cause'>;

function readDetails(code: Code, details: readonly Any[]): Details {
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
