// From a status on the wire to a typed error: the reason in ErrorInfo decides, the gRPC code only where there is none.

import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack, durationMs, type Any } from '@bufbuild/protobuf/wkt';
import type { ServiceError } from '@grpc/grpc-js';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../../proto/gen/google/rpc/error_details_pb.js';
import { StatusSchema, type Status } from '../../../proto/gen/google/rpc/status_pb.js';
import { oncedError } from './error-table.ts';
import { CODES, type Code, type ErrorFacts, type OncedError } from '../errors.ts';

const DOMAIN = 'onced.v1';

/** The error that a Session answers for one operation. */
export function errorOfStatus(status: Status): OncedError {
  const code = CODES[status.code] ?? 'UNKNOWN';
  return oncedError({ ...readDetails(status.details, code), code, message: status.message });
}

/** The error that grpc-js gives for a unary call or a broken stream. */
export function errorOfCall(error: ServiceError): OncedError {
  const code = CODES[error.code] ?? 'UNKNOWN';
  const packed = error.metadata?.get('grpc-status-details-bin')[0];
  const details = Buffer.isBuffer(packed) ? readStatus(packed) : [];
  return oncedError({
    ...readDetails(details, code),
    code: codeOf(details, code),
    message: error.details,
    cause: error,
  });
}

function readStatus(bytes: Buffer): readonly Any[] {
  try {
    return fromBinary(StatusSchema, bytes).details;
  } catch {
    // Not ours: something between us and the server answered. The code still stands.
    return [];
  }
}

type Details = Omit<ErrorFacts, 'code' | 'message' | 'cause'>;

function readDetails(details: readonly Any[], code: Code): Details {
  let facts: Details = { reason: reasonOf(code) };
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

const reasonOf = (code: Code): string => REASONS[code] ?? 'UNKNOWN';

/** So that all that broke on the way may be repeated, and nothing else. */
const codeOf = (details: readonly Any[], code: Code): Code =>
  details.length === 0 && reasonOf(code) === 'UNREACHABLE' ? 'UNAVAILABLE' : code;
