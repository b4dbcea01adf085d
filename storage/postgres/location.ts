// The store's URL: what of it is Postgres', what is ours, and what may be shown.

import { StoreRefusedError } from '../contract/index.ts';

/** How far an acknowledged commit has come: flushed here (and on synchronous standbys), or applied on those too. */
export type CommitLevel = 'on' | 'remote_apply';

export interface Location {
  /** For the driver. */
  readonly url: string;
  readonly commitLevel: CommitLevel;
  /** Where to listen for other servers' changes: `url`, unless that is a pooler, which passes none on. */
  readonly listenUrl: string;
  /** Without user, password and parameters. */
  readonly shown: string;
}

/**
 * Reads `postgres://user:password@host:port/database?…`. Two parameters are ours: `synchronous_commit` (on, remote_apply) and
 * `listen` (a URL of its own). Throws StoreRefusedError when one of them is wrong.
 */
export function readLocation(text: string): Location {
  const parsed = parse(text);
  const shown = `postgres://${parsed.host}${parsed.pathname}`;
  const take = (name: string): string | null => {
    const value = parsed.searchParams.get(name);
    parsed.searchParams.delete(name);
    return value;
  };
  const commitLevel = take('synchronous_commit') ?? 'on';
  if (commitLevel !== 'on' && commitLevel !== 'remote_apply') {
    throw new StoreRefusedError(
      `${shown}: synchronous_commit=${commitLevel}; needed: on or remote_apply. ` +
        'Leave the parameter out of --store for on: anything weaker loses acknowledged outcomes in a crash.',
    );
  }
  const listenUrl = take('listen');
  return { url: parsed.href, commitLevel, listenUrl: listenUrl ?? parsed.href, shown };
}

function parse(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined) return url;
  // Without the text, and not the parser's own error, which carries it: the password is in there.
  throw new StoreRefusedError(
    'the URL of the Postgres store cannot be read; needed: postgres://user:password@host:5432/database. ' +
      'Percent-encode what is neither letter nor digit in the password, such as %23 for #.',
  );
}
