// Why there is no answer to hand over. The key is kept in every case.

/** Nobody answered in time: whether it was done is unknown. Fetch again with the same intent, also after a reload. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';

  constructor(timeoutMs: number, cause: unknown) {
    super(`no answer in ${timeoutMs} ms; the key is kept, so that fetching again is safe`, { cause });
  }
}

/**
 * The key was first sent longer ago than `keyLifeMs`, so that the server may have forgotten what became of it, and fetching
 * again could do it twice. Find out from the application whether it was done, then `abandon` the intent.
 */
export class KeyExpiredError extends Error {
  override readonly name = 'KeyExpiredError';

  constructor(sentMs: number) {
    super(
      `the key was first sent at ${new Date(sentMs).toISOString()}; ask what became of it, then abandon the intent`,
    );
  }
}

/** This browser keeps nothing for this page, so that a reload would lose the key. Nothing was sent. */
export class KeyNotKeptError extends Error {
  override readonly name = 'KeyNotKeptError';

  constructor(cause: unknown) {
    super('the key could not be stored in this browser', { cause });
  }
}
