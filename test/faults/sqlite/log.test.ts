import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Store } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { CHECKPOINT_IDLE_PAGES, CHECKPOINT_LOG_PAGES_MAX } from '../../../storage/sqlite/limits.ts';
import { claimOf, inFolder, newToken, settleOf } from './scene.ts';

const PAGE_BYTES = 4_096;
const FRAME_BYTES = PAGE_BYTES + 24;
const RESULT = Buffer.alloc(64 * 1024, 'result');
const LANES = 32;

/** Completes so many results, many at a time, so that the writer never has a quiet moment. */
async function complete(store: Store, count: number, look: () => void = () => {}): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const key = `key-${at}`;
      const token = newToken();
      await store.claim(claimOf(key, token));
      await store.settle(settleOf(key, token, RESULT));
      look();
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
    // Twice what may stand in the log.
    let bytesMax = 0;
    await complete(store, (2 * CHECKPOINT_LOG_PAGES_MAX * PAGE_BYTES) / RESULT.length, () => {
      bytesMax = Math.max(bytesMax, statSync(`${path}-wal`).size);
    });
    const pagesOfBatch = 2 * LANES * (RESULT.length / PAGE_BYTES + 1);
    expect(bytesMax).toBeLessThan((CHECKPOINT_LOG_PAGES_MAX + pagesOfBatch) * FRAME_BYTES);
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
