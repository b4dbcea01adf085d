// Requests with the dull fields filled in, for tests of what the SQLite store does under faults.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requestsIn } from '../../support/requests.ts';

export { newToken } from '../../support/requests.ts';
export const { namespace: NAMESPACE, idOf, claimOf, settleOf } = requestsIn('faults/sqlite');

/** Runs in a folder of its own, which is gone afterwards. */
export async function inFolder(prove: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'onced-faults-'));
  try {
    await prove(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
