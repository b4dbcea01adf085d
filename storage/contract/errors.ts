// Store trouble: the third of the four sorts of errors. Expected answers are values and never thrown.

/**
 * - `unavailable`: nothing was written; the store cannot be reached or refuses work.
 * - `unknown`: the write may or may not have happened. Repeating the call with the same attempt id or token is safe.
 * - `full`: the store has no space for new records; reads and settling may still work.
 * - `cancelled`: the caller's signal fired before the store touched anything.
 */
export type StoreErrorKind = 'unavailable' | 'unknown' | 'full' | 'cancelled';

/** The only error a store verb may reject with. `cause` keeps the driver's error for the log; it never reaches a caller. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreError';
    this.kind = kind;
  }
}

/** Thrown while opening: the store is there but must not be used as it stands. The message says what to change. */
export class StoreRefusedError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreRefusedError';
  }
}
