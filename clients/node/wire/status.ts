// From a gRPC call's error to a typed one.

import { fromBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { ServiceError } from '@grpc/grpc-js';
import { StatusSchema } from '../../../proto/gen/google/rpc/status_pb.js';
import { NO_CONNECTION, oncedError } from './error-table.ts';
import { CODES, type OncedError } from '../errors.ts';
import { readDetails } from './status-details.ts';

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
