// What a store looks at before it may be used, as rows for people. Opening refuses on what is not ok; `onced doctor`
// shows them all.

export interface StoreCheck {
  /** What is looked at, in few words: `folder`, `synchronous_commit`. */
  readonly name: string;
  readonly ok: boolean;
  /** Not ok, but a server starts all the same; `fix` says what it risks. */
  readonly isAdvice?: boolean;
  readonly found: string;
  readonly needed: string;
  /** What to do when it is not ok. */
  readonly fix: string;
}

/** The first check that forbids to go on, as a sentence: what was found, what is needed, what to do. */
export function refusalOf(checks: readonly StoreCheck[]): string | undefined {
  const failed = checks.find(({ ok, isAdvice }) => !ok && isAdvice !== true);
  if (failed === undefined) return undefined;
  return `${failed.name}: found ${failed.found}; needed ${failed.needed}. ${failed.fix}`;
}
