// Which class belongs to which reason, and the errors that this client makes itself.

import * as errors from '../errors.ts';
import type { ErrorFacts, OncedError } from '../errors.ts';

const CLASSES: Readonly<Record<string, new (facts: ErrorFacts) => OncedError>> = {
  INVALID_FIELD: errors.InvalidFieldError,
  KEY_REUSED: errors.KeyReusedError,
  LEASE_LOST: errors.LeaseLostError,
  ALREADY_SETTLED: errors.AlreadySettledError,
  ATTEMPT_ENDED: errors.AttemptEndedError,
  INTENT_NOT_FOUND: errors.IntentNotFoundError,
  NAMESPACE_NOT_FOUND: errors.NamespaceNotFoundError,
  KEY_NOT_ISSUED: errors.KeyNotIssuedError,
  QUOTA_EXCEEDED: errors.QuotaExceededError,
  OVERLOADED: errors.OverloadedError,
  STORE_UNAVAILABLE: errors.StoreUnavailableError,
  UNAUTHENTICATED: errors.UnauthenticatedError,
  PERMISSION_DENIED: errors.PermissionDeniedError,
  UNIMPLEMENTED: errors.UnimplementedError,
  INTERNAL: errors.InternalError,
  UNREACHABLE: errors.UnreachableError,
  DEADLINE_EXCEEDED: errors.DeadlineExceededError,
  CLOSED: errors.ClosedError,
};

/** The error of the class that belongs to its reason; a reason that this release does not know is a plain OncedError. */
export function oncedError(facts: ErrorFacts): OncedError {
  const Class = CLASSES[facts.reason] ?? errors.OncedError;
  return new Class(facts);
}

export const deadlineExceeded = (timeoutMs: number): OncedError =>
  oncedError({
    code: 'DEADLINE_EXCEEDED',
    reason: 'DEADLINE_EXCEEDED',
    message: `no answer in ${Math.round(timeoutMs)} ms`,
  });

export const unreachable = (message: string, cause?: unknown): OncedError =>
  oncedError({ code: 'UNAVAILABLE', reason: 'UNREACHABLE', message, cause });

/** The connection broke, or there was none: nobody answered, not even to refuse. */
export const disconnected = (message: string, cause?: unknown): OncedError =>
  oncedError({ code: 'UNAVAILABLE', reason: 'UNREACHABLE', message, metadata: NO_CONNECTION, cause });

export const NO_CONNECTION = { cause: 'connection' } as const;

export const isDisconnected = ({ reason, metadata }: OncedError): boolean =>
  reason === 'UNREACHABLE' && metadata['cause'] === NO_CONNECTION.cause;

export const closed = (): OncedError =>
  oncedError({ code: 'CANCELLED', reason: 'CLOSED', message: 'the client was closed' });
