// Why a request has no fingerprint. The reasons are shared by all clients: see clients/vectors/README.md.

export type FingerprintRefusal =
  | 'NOT_JSON'
  | 'DUPLICATE_MEMBER'
  | 'NUMBER_OUT_OF_RANGE'
  | 'LONE_SURROGATE'
  | 'TOO_DEEP'
  | 'INVALID_EXCLUDE'
  | 'INVALID_KEY'
  | 'UNSUPPORTED_TYPE';

/** The request, an exclude pointer or a key to derive from is refused. Nothing was sent. */
export class FingerprintError extends TypeError {
  override readonly name = 'FingerprintError';
  readonly reason: FingerprintRefusal;

  constructor(reason: FingerprintRefusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
