// What the file needs besides requests: the log moved into the database, free pages given back to the disk. Done when
// nobody waits, as far as that can be.

import type { Database } from 'better-sqlite3';
import {
  CHECKPOINT_BUSY_PAGES,
  CHECKPOINT_END_PAGES,
  CHECKPOINT_END_SHARE,
  CHECKPOINT_IDLE_PAGES,
  CHECKPOINT_LOG_PAGES_MAX,
  SHRINK_FREE_PAGES_MIN,
  SHRINK_FREE_SHARE_MIN,
  SHRINK_STEP_PAGES,
} from './limits.ts';
import { createMover } from './mover.ts';
import { fitCache } from './schema.ts';
import type { Space } from './space.ts';
import type { Statements } from './statements.ts';
import { fatalMessage, FatalStoreError, isFatal, isFull } from './trouble.ts';

export interface Tidying {
  /** Has the log moved although requests are coming, once it is so long that the next start would wait for it. */
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

  // NOOP moves nothing and tells how long the log is and how much of it is left to move.
  const logState = (): { pages: number; left: number } => {
    const [, pages, moved] = statements.logState.get() as [busy: number, pages: number, moved: number];
    return { pages, left: pages - moved };
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

  const mover = createMover(database.name);
  // What was left when the mover last started. It is not started again in vain, where a backup that reads holds it up: only
  // when it came on, or as much has come anew.
  let leftBefore = Infinity;

  const checkpoint: Tidying['checkpoint'] = (mode) => {
    if (mode === 'truncate') mover.wait();
    attempt(() => {
      database.pragma(`wal_checkpoint(${mode})`);
      fitCache(database);
    });
  };

  // Free pages are reused by the next records, so a file shrinks only when there are many, or others need the space.
  const canShrink = (): boolean => {
    const [pages, free] = statements.pages.get() as [pages: number, free: number];
    if (space.isFull()) return free > 0;
    return free >= SHRINK_FREE_PAGES_MIN && free >= pages * SHRINK_FREE_SHARE_MIN;
  };

  return {
    checkpoint,

    keepUp() {
      const { pages, left } = logState();
      const isAtBound = pages >= CHECKPOINT_LOG_PAGES_MAX;
      if (isAtBound) mover.wait();
      const beyond = pages - CHECKPOINT_BUSY_PAGES;
      if (beyond < 0 || mover.isBusy()) return;
      if (isAtBound || left <= CHECKPOINT_END_PAGES + beyond * CHECKPOINT_END_SHARE) {
        checkpoint('passive');
        leftBefore = Infinity;
      } else if (left < leftBefore || left >= leftBefore + CHECKPOINT_BUSY_PAGES) {
        leftBefore = left;
        mover.start();
      }
    },

    tidy() {
      const wasLarge = canShrink();
      if (wasLarge) attempt(() => void database.pragma(`incremental_vacuum(${SHRINK_STEP_PAGES})`));
      const isLarge = wasLarge && canShrink();
      // On a full disk the log gives its space back too, instead of keeping it for the next round. The file itself becomes
      // smaller only when the log is moved.
      if (space.isFull()) checkpoint('truncate');
      else if (wasLarge !== isLarge || logState().left >= CHECKPOINT_IDLE_PAGES) checkpoint('passive');
      return isLarge;
    },
  };
}
