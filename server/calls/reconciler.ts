// How the attempt of a reconciler is told from others: by the name that ClaimOrphans gave it.

import { REVIEW_ATTEMPT_PREFIX, type StoredRecord } from '../../storage/contract/index.ts';

/** One under review has the store's own prefix, by which it stays held. */
export const CLAIMED_ATTEMPT_PREFIX = 'onced:claimed:';

/** What no caller may call its attempt. */
export const OWN_ATTEMPT_PREFIXES = [REVIEW_ATTEMPT_PREFIX, CLAIMED_ATTEMPT_PREFIX] as const;

export const isReconciler = ({ attemptId }: StoredRecord): boolean =>
  OWN_ATTEMPT_PREFIXES.some((prefix) => attemptId.startsWith(prefix));
