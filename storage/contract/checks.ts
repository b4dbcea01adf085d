// What a store looks at before it may be used, as rows for people. Opening runs the same checks and refuses on a failed one.

export interface StoreCheck {
  /** What is looked at, in few words: `folder writable`, `synchronous_commit`. */
  readonly name: string;
  /** A `warning` does not stop a server; what it means is in `needed` and `fix`. */
  readonly level: 'ok' | 'warning' | 'failed';
  readonly found: string;
  readonly needed: string;
  /** What to do about it; empty when nothing is to be done. */
  readonly fix: string;
}

/** All that failed, as the message of a StoreRefusedError; undefined when the store may be used. */
export function refusalOf(checks: readonly StoreCheck[]): string | undefined {
  const failed = checks.filter((check) => check.level === 'failed');
  if (failed.length === 0) return undefined;
  return failed.map(({ name, found, needed, fix }) => `${name}: found ${found}, needed ${needed}; ${fix}`).join('\n');
}
