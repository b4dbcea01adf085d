// Refusals of the gRPC adapters, with an ErrorInfo of their own domain, so that callers can tell them from errors of the
// method itself. Nothing of a stored request is ever told.

import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { anyPack, type Any } from '@bufbuild/protobuf/wkt';
import { ErrorInfoSchema, RetryInfoSchema } from '../../../proto/gen/google/rpc/error_details_pb.js';
import { KeyReusedError, OncedError } from '../errors.ts';
import {
  InProgressError,
  IntentFailedError,
  OrphanedError,
  OutcomeNotRecordedError,
  ResultDroppedError,
  RetryLaterError,
} from '../work/work-errors.ts';
import { withDetails, type RpcStatus } from './rpc-status.ts';

const DOMAIN = 'idempotency.onced.v1';

const REFUSALS = {
  KEY_MISSING: [3, 'this method needs an idempotency-key'],
  KEY_MALFORMED: [3, 'an idempotency-key is one value of 1 to 255 visible bytes'],
  NO_FINGERPRINT: [3, 'the request has no fingerprint'],
  UNAUTHENTICATED: [16, 'an idempotency key needs an authenticated caller'],
  IN_PROGRESS: [14, 'the first call with this key is still running'],
  RETRY_LATER: [14, 'the call may be tried again later, with the same key'],
  UNAVAILABLE: [14, 'nothing was done; try again with the same key'],
  NOT_RECORDED: [14, 'the call was carried out, but its outcome could not be recorded'],
  KEY_REUSED: [9, 'this key stands for another request; use a new key for a new request'],
  ATTEMPTS_EXHAUSTED: [9, 'this key has used up its attempts'],
  OUTCOME_UNKNOWN: [10, 'nobody knows whether the first call took effect; somebody is to look into it'],
  RESPONSE_NOT_KEPT: [15, 'the call was carried out; its response is past its retention'],
  REFUSED: [13, 'the idempotency service refused the call'],
} as const;

export type RefusalReason = keyof typeof REFUSALS;

export function refused(reason: RefusalReason, retryAfterMs?: number): RpcStatus {
  const [code, message] = REFUSALS[reason];
  const details = [pack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: DOMAIN }))];
  if (retryAfterMs !== undefined) {
    const retryDelay = { seconds: BigInt(Math.floor(retryAfterMs / 1_000)), nanos: (retryAfterMs % 1_000) * 1_000_000 };
    details.push(pack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
  }
  return withDetails(code, message, details);
}

const pack = <Schema extends DescMessage>(schema: Schema, message: MessageShape<Schema>): Any =>
  anyPack(schema, message);

/** What to answer a call whose method did not run. */
export function refusal(error: unknown): RpcStatus {
  if (error instanceof InProgressError) return refused('IN_PROGRESS', Math.ceil(error.answer.retryAfterMs));
  if (error instanceof RetryLaterError) return refused('RETRY_LATER', Math.ceil(error.answer.retryAfterMs));
  if (error instanceof KeyReusedError) return refused('KEY_REUSED');
  if (error instanceof OrphanedError) return refused('OUTCOME_UNKNOWN');
  if (error instanceof ResultDroppedError) return refused('RESPONSE_NOT_KEPT');
  if (error instanceof IntentFailedError) return refused('ATTEMPTS_EXHAUSTED');
  if (error instanceof OutcomeNotRecordedError) return refused('NOT_RECORDED');
  if (error instanceof OncedError && (error.isRetryable || error.code === 'DEADLINE_EXCEEDED')) {
    return refused('UNAVAILABLE', Math.max(Math.ceil(error.retryAfterMs ?? 0), 1_000));
  }
  return refused('REFUSED');
}
