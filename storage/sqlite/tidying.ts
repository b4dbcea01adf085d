// What the file needs besides requests: the log moved into the database, free pages given back to the disk. Done when
// nobody waits, as far as that can be.

import type { Database } from 'better-sqlite3';
import {
  CHECKPOINT_BUSY_PAGES,
  CHECKPOINT_IDLE_PAGES,
  SHRINK_FREE_PAGES_MIN,
  SHRINK_FREE_SHARE_MIN,
  SHRINK_STEP_PAGES,
} from './limits.ts';
import type { Space } from './space.ts';
import type { Statements } from './statements.ts';
import { fatalMessage, FatalStoreError, isFatal, isFull } from './trouble.ts';

export interface Tidying {
  /** Moves the log although requests may be coming, once it is so long that the next start would wait for it. */
  keepUp(): void;
  /** One bounded step. True when there is more to do. */
  tidy(): boolean;
  checkpoint(mode: 'passive' | 'truncate'): void;
}

export function createTidying(parts: {
  readonly database: Database;
  readonly statements: Statements;
  readonly space: Space;
}): Tidying {
  const { database, statements, space } = parts;

  // NOOP moves nothing and tells how much there is to move.
  const logPages = (): number => {
    const [, log, moved] = statements.logState.get() as [busy: number, log: number, moved: number];
    return log - moved;
  };

  /** A full disk or a reader in the way is no harm: the log stays as it is. */
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (isFatal(error)) throw new FatalStoreError(fatalMessage(error), { cause: error });
      if (isFull(error)) space.becameFull();
    }
  };

  const checkpoint: Tidying['checkpoint'] = (mode) => attempt(() => void database.pragma(`wal_checkpoint(${mode})`));

  // Free pages are reused by the next records, so a file shrinks only when there are many, or others need the space.
  const canShrink = (): boolean => {
    const [pages, free] = statements.pages.get() as [pages: number, free: number];
    if (space.isFull()) return free > 0;
    return free >= SHRINK_FREE_PAGES_MIN && free >= pages * SHRINK_FREE_SHARE_MIN;
  };

  return {
    checkpoint,

    keepUp() {
      if (logPages() >= CHECKPOINT_BUSY_PAGES) checkpoint('passive');
    },

    tidy() {
      const shrinks = canShrink();
      if (shrinks) attempt(() => void database.pragma(`incremental_vacuum(${SHRINK_STEP_PAGES})`));
      // On a full disk the log gives its space back too, instead of keeping it for the next round.
      if (space.isFull()) checkpoint('truncate');
      else if (logPages() >= CHECKPOINT_IDLE_PAGES) checkpoint('passive');
      return shrinks && canShrink();
    },
  };
}
