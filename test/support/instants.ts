// Virtual instants for tests. They lie days ahead of the real clock, never behind it: an engine that expires by real time
// (Redis) would drop a record at once whose virtual deadline has really passed.

import { epochMs } from '../../storage/contract/index.ts';

export const DAY_MS = 86_400_000;

/** Where the virtual clock of a case or a history starts. */
export const HISTORY_START_MS = epochMs((Math.floor(Date.now() / DAY_MS) + 2) * DAY_MS);

/** Later than any deadline of a case or a history. */
export const HISTORY_END_MS = epochMs(HISTORY_START_MS + 2_000 * DAY_MS);
