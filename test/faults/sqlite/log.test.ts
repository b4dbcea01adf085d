import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Store } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { CHECKPOINT_BUSY_PAGES, CHECKPOINT_END_SHARE, CHECKPOINT_IDLE_PAGES } from '../../../storage/sqlite/limits.ts';
import { claimOf, inFolder, newToken, settleOf } from './scene.ts';

const PAGE_BYTES = 4_096;
const RESULT = Buffer.alloc(64 * 1024, 'result');
const LANES = 32;

/** Completes so many results, many at a time, so that the writer never has a quiet moment. */
async function complete(store: Store, count: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const key = `key-${at}`;
      const token = newToken();
      await store.claim(claimOf(key, token));
      await store.settle(settleOf(key, token, RESULT));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function until(isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error('waited 5 s in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('the log stays bounded under load that never pauses', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const store = await openSqliteStore({ path });
    // More than twice what may stand in the log.
    await complete(store, (8 * CHECKPOINT_BUSY_PAGES * PAGE_BYTES) / RESULT.length);
    const pagesOfBatch = 2 * LANES * (RESULT.length / PAGE_BYTES + 1);
    const pagesMax = 2 * CHECKPOINT_BUSY_PAGES + pagesOfBatch / CHECKPOINT_END_SHARE;
    expect(statSync(`${path}-wal`).size).toBeLessThan(pagesMax * PAGE_BYTES * 1.05);
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
  });
}, 60_000);

test('an idle writer moves the log into the database', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const store = await openSqliteStore({ path });
    await complete(store, (4 * CHECKPOINT_IDLE_PAGES * PAGE_BYTES) / RESULT.length);
    await until(() => statSync(path).size > 2 * CHECKPOINT_IDLE_PAGES * PAGE_BYTES);
    await store.close();
  });
});
