// A gRPC status with its details, as it is on the wire and as it is stored.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyIs, anyUnpack, type Any } from '@bufbuild/protobuf/wkt';
import { RetryInfoSchema } from '../../../proto/gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../../proto/gen/google/rpc/status_pb.js';
import { CODES } from '../errors.ts';
import type { IntentError } from '../types.ts';
import { FinalError } from '../work/work-errors.ts';

const STORED_TYPE = 'application/protobuf; proto=google.rpc.Status';
/** DESIGN.md 5: of an error's detail. */
const DETAIL_BYTES_MAX = 4_096;
const MESSAGE_CHARACTERS_MAX = 256;

export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  /** A google.rpc.Status: what `grpc-status-details-bin` holds. Nothing where there are no details. */
  readonly details: Uint8Array | undefined;
}

/** The status itself, or where that is beyond the server's limit one without details, which the first caller gets too. */
export function keptStatus(status: RpcStatus): RpcStatus {
  if (bytesOf(status).length <= DETAIL_BYTES_MAX) return status;
  const message = status.message.slice(0, MESSAGE_CHARACTERS_MAX).toWellFormed();
  return { code: status.code, message, details: undefined };
}

/** An outcome. */
export function storedStatus(kept: RpcStatus): FinalError {
  const { code, message } = kept;
  return new FinalError(message, {
    code: CODES[code] ?? 'UNKNOWN',
    detail: bytesOf(kept),
    contentType: STORED_TYPE,
  });
}

const bytesOf = ({ code, message, details }: RpcStatus): Uint8Array =>
  details ?? toBinary(StatusSchema, create(StatusSchema, { code, message }));

export function restoredStatus(error: IntentError): RpcStatus | undefined {
  if (error.contentType !== STORED_TYPE) return undefined;
  const detail = error.detail ?? new Uint8Array();
  const { code, message, details } = fromBinary(StatusSchema, detail);
  return { code, message, details: details.length === 0 ? undefined : detail };
}

export const detailsOf = ({ details }: RpcStatus): Any[] =>
  details === undefined ? [] : fromBinary(StatusSchema, details).details;

export function withDetails(code: number, message: string, details: Any[]): RpcStatus {
  if (details.length === 0) return { code, message, details: undefined };
  return { code, message, details: toBinary(StatusSchema, create(StatusSchema, { code, message, details })) };
}

/** The delay that a method asks for, by google.rpc.RetryInfo. */
export function retryAfterMsOf(status: RpcStatus): number | undefined {
  const found = detailsOf(status).find((detail) => anyIs(detail, RetryInfoSchema));
  const delay = found === undefined ? undefined : anyUnpack(found, RetryInfoSchema)?.retryDelay;
  return delay === undefined ? undefined : Number(delay.seconds) * 1_000 + Math.ceil(delay.nanos / 1e6);
}
