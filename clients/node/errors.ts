// What can go wrong with a call, a class for each reason of the API. An answer of BeginIntent is never an error.

/** Names of gRPC's codes, in the order of their numbers. */
export const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

export type Code = (typeof CODES)[number];

export interface ErrorFacts {
  readonly code: Code;
  /** ErrorInfo.reason of the API, or one of this client's own: UNREACHABLE, DEADLINE_EXCEEDED, CLOSED, UNKNOWN. */
  readonly reason: string;
  readonly message: string;
  /** ErrorInfo.metadata: facts for programs, never keys or payloads. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** RetryInfo: do not repeat the call before this many milliseconds have passed. */
  readonly retryAfterMs?: number;
  readonly violations?: readonly FieldViolation[];
  readonly cause?: unknown;
}

export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** Every error of a call. The subclass, or `reason`, says which. */
export class OncedError extends Error {
  override readonly name: string = 'OncedError';
  readonly code: Code;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.reason = facts.reason;
    this.metadata = facts.metadata ?? {};
    this.retryAfterMs = facts.retryAfterMs;
  }

  /** The same call, with the same attempt id or token, may succeed later. The client has already tried a few times. */
  get isRetryable(): boolean {
    return this.code === 'UNAVAILABLE' || (this.code === 'RESOURCE_EXHAUSTED' && this.retryAfterMs !== undefined);
  }
}

/** A field is out of bounds: correct the request. Nothing was written. */
export class InvalidFieldError extends OncedError {
  override readonly name = 'InvalidFieldError';
  /** What is wrong, field by field. */
  readonly violations: readonly FieldViolation[];

  constructor(facts: ErrorFacts) {
    super(facts);
    this.violations = facts.violations ?? [];
  }
}

/** The key stands for another request. Use a new key for a new operation. */
export class KeyReusedError extends OncedError {
  override readonly name = 'KeyReusedError';
}

/** Another attempt holds or has settled the key: stop the work. `metadata` has the state and attempt of now. */
export class LeaseLostError extends OncedError {
  override readonly name = 'LeaseLostError';
}

/** This lease token has already settled the attempt with other content; the first stands. */
export class AlreadySettledError extends OncedError {
  override readonly name = 'AlreadySettledError';
}

/** A late copy of a begin whose attempt has been released since. Begin again with a new attempt id. */
export class AttemptEndedError extends OncedError {
  override readonly name = 'AttemptEndedError';
}

/** There is no record for the key, or it has expired. For a holder: the effect is not protected. */
export class IntentNotFoundError extends OncedError {
  override readonly name = 'IntentNotFoundError';
}

/** The namespace does not exist, and this server makes none on first use. */
export class NamespaceNotFoundError extends OncedError {
  override readonly name = 'NamespaceNotFoundError';
}

/** The namespace accepts only keys made by issueKeys. `metadata.cause` says forged, expired or namespace. */
export class KeyNotIssuedError extends OncedError {
  override readonly name = 'KeyNotIssuedError';
}

/** A quota of the namespace is used up: repeat after `retryAfterMs`. `metadata` has the quota and its limit. */
export class QuotaExceededError extends OncedError {
  override readonly name = 'QuotaExceededError';
}

/** The server, or this client's own queue, sheds load: repeat after `retryAfterMs`. Nothing was written. */
export class OverloadedError extends OncedError {
  override readonly name = 'OverloadedError';
}

/** The server's store is out of reach, or did not say whether it wrote. The same call again finds its own write. */
export class StoreUnavailableError extends OncedError {
  override readonly name = 'StoreUnavailableError';
}

/** The server, or a token for it, is out of reach, or the connection broke. Whether the call had an effect is unknown; repeat it. */
export class UnreachableError extends OncedError {
  override readonly name = 'UnreachableError';
}

/** No answer in time. Whether the call had an effect is unknown; the same attempt id or token makes a repeat safe. */
export class DeadlineExceededError extends OncedError {
  override readonly name = 'DeadlineExceededError';
}

/** No credentials, or none that are valid. */
export class UnauthenticatedError extends OncedError {
  override readonly name = 'UnauthenticatedError';
}

/** The credentials do not allow this in this namespace. */
export class PermissionDeniedError extends OncedError {
  override readonly name = 'PermissionDeniedError';
}

/** The server does not have this call; see serverInfo().capabilities. */
export class UnimplementedError extends OncedError {
  override readonly name = 'UnimplementedError';
}

/** A bug of the server. `metadata.request_id` is to be found in its log. */
export class InternalError extends OncedError {
  override readonly name = 'InternalError';
}

/** The client was closed. */
export class ClosedError extends OncedError {
  override readonly name = 'ClosedError';
}
