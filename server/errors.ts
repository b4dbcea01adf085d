// Errors on the wire: the second, third and fourth sort of STYLE.md in one table. A Rejection is a caller's mistake or
// an outage; anything else that is thrown is a bug of ours. Driver text and payloads never get further than the log.

import { create, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { anyPack, durationFromMs } from '@bufbuild/protobuf/wkt';
import { status as Code } from '@grpc/grpc-js';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
  type BadRequest,
  type ErrorInfo,
  type RetryInfo,
} from '../proto/gen/google/rpc/error_details_pb.js';
import { StatusSchema, type Status } from '../proto/gen/google/rpc/status_pb.js';
import type { ErrorReason } from '../proto/gen/onced/v1/errors_pb.js';
import type { StoreError } from '../storage/contract/index.ts';

export type Reason = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED'>;

export interface Violation {
  readonly field: string;
  readonly description: string;
}

export interface RejectionDetail {
  /** Facts for programs; never keys, never payloads. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryAfterMs?: number;
  readonly violations?: readonly Violation[];
  readonly cause?: unknown;
}

/** DESIGN.md 6: which gRPC code goes with which reason. */
const CODES: Readonly<Record<Reason, Code>> = {
  INVALID_FIELD: Code.INVALID_ARGUMENT,
  KEY_REUSED: Code.FAILED_PRECONDITION,
  LEASE_LOST: Code.ABORTED,
  ALREADY_SETTLED: Code.FAILED_PRECONDITION,
  ATTEMPT_ENDED: Code.FAILED_PRECONDITION,
  INTENT_NOT_FOUND: Code.NOT_FOUND,
  NAMESPACE_NOT_FOUND: Code.NOT_FOUND,
  KEY_NOT_ISSUED: Code.FAILED_PRECONDITION,
  QUOTA_EXCEEDED: Code.RESOURCE_EXHAUSTED,
  OVERLOADED: Code.RESOURCE_EXHAUSTED,
  STORE_UNAVAILABLE: Code.UNAVAILABLE,
  UNAUTHENTICATED: Code.UNAUTHENTICATED,
  PERMISSION_DENIED: Code.PERMISSION_DENIED,
  INTERNAL: Code.INTERNAL,
  UNIMPLEMENTED: Code.UNIMPLEMENTED,
  EXPECTATION_FAILED: Code.FAILED_PRECONDITION,
};

/** An answer that is an error on the wire: what happened, which limit, what to do. */
export class Rejection extends Error {
  readonly reason: Reason;
  readonly detail: RejectionDetail;
  /** Packed once: refusals under load are one object that is sent many times. */
  packed: { readonly status: Status; readonly bytes: Buffer } | undefined;

  constructor(reason: Reason, message: string, detail: RejectionDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'Rejection';
    this.reason = reason;
    this.detail = detail;
    this.packed = undefined;
  }

  get code(): Code {
    return CODES[this.reason];
  }
}

/** The caller went away or its deadline passed before anything was written; nobody is there to read the answer. */
export class CallOver extends Error {
  readonly code: Code.CANCELLED | Code.DEADLINE_EXCEEDED;

  constructor(code: Code.CANCELLED | Code.DEADLINE_EXCEEDED) {
    super(code === Code.CANCELLED ? 'the call was cancelled' : 'the deadline passed before anything was written');
    this.name = 'CallOver';
    this.code = code;
  }
}

/** INVALID_FIELD for one or several fields. */
export function invalidFields(violations: readonly Violation[]): Rejection {
  const message = violations.map((violation) => `${violation.field}: ${violation.description}`).join('; ');
  return new Rejection('INVALID_FIELD', message, { violations });
}

const STORE_RETRY_MS = 250;

/** The one place that turns store trouble into an answer. */
export function rejectionOfStoreError(error: StoreError): Rejection | CallOver {
  switch (error.kind) {
    case 'cancelled':
      return new CallOver(Code.CANCELLED);
    case 'full':
      return new Rejection('STORE_UNAVAILABLE', 'the store has no space for new records; nothing was written', {
        metadata: { outcome: 'none', cause: 'full' },
        retryAfterMs: 4 * STORE_RETRY_MS,
        cause: error,
      });
    case 'unavailable':
      return storeAway(error);
    case 'unknown':
      return new Rejection(
        'STORE_UNAVAILABLE',
        'the store did not say whether it wrote; repeat the call with the same attempt id or token',
        { metadata: { outcome: 'unknown' }, retryAfterMs: STORE_RETRY_MS, cause: error },
      );
  }
}

export const storeAway = (cause?: StoreError): Rejection =>
  new Rejection('STORE_UNAVAILABLE', 'the store is out of reach; nothing was written', {
    metadata: { outcome: 'none' },
    retryAfterMs: STORE_RETRY_MS,
    ...(cause === undefined ? {} : { cause }),
  });

/** One google.rpc detail: its type and its value. */
type Detail =
  | { readonly desc: typeof ErrorInfoSchema; readonly value: ErrorInfo }
  | { readonly desc: typeof RetryInfoSchema; readonly value: RetryInfo }
  | { readonly desc: typeof BadRequestSchema; readonly value: BadRequest };

/** ErrorInfo always; RetryInfo where waiting helps; BadRequest where fields are wrong. */
export function detailsOf({ reason, detail }: Rejection): readonly Detail[] {
  const { metadata, retryAfterMs, violations } = detail;
  const info = create(ErrorInfoSchema, { reason, domain: 'onced.v1', metadata: { ...metadata } });
  const details: Detail[] = [{ desc: ErrorInfoSchema, value: info }];
  if (retryAfterMs !== undefined) {
    const retry = create(RetryInfoSchema, { retryDelay: durationFromMs(retryAfterMs) });
    details.push({ desc: RetryInfoSchema, value: retry });
  }
  if (violations !== undefined) {
    const request = create(BadRequestSchema, { fieldViolations: violations.map((violation) => ({ ...violation })) });
    details.push({ desc: BadRequestSchema, value: request });
  }
  return details;
}

/** The error as google.rpc.Status, for Session. */
export function statusOf(error: Rejection | CallOver): Status {
  if (error instanceof CallOver) return create(StatusSchema, { code: error.code, message: error.message });
  return packed(error).status;
}

/** The same as bytes, for the status details of a unary call. */
export const statusBytes = (rejection: Rejection): Buffer => packed(rejection).bytes;

function packed(rejection: Rejection): NonNullable<Rejection['packed']> {
  if (rejection.packed !== undefined) return rejection.packed;
  const details = detailsOf(rejection).map(({ desc, value }) => anyPack(desc as DescMessage, value));
  const status = create(StatusSchema, { code: rejection.code, message: rejection.message, details });
  return (rejection.packed = { status, bytes: Buffer.from(toBinary(StatusSchema, status)) });
}
