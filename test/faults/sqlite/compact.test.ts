import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addMs, durationMs, epochMs } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { SHRINK_FREE_PAGES_MIN } from '../../../storage/sqlite/limits.ts';
import { claimOf, inFolder, newToken, settleOf } from './scene.ts';

test('a compaction ends when its time is over, with one record touched, so that nobody waits behind it for long', async () => {
  await inFolder(async (folder) => {
    const store = await openSqliteStore({ path: join(folder, 'onced.db') });
    const claims = await Promise.all(['a', 'b', 'c'].map(async (key) => store.claim(claimOf(key))));
    const purgeMs = Math.max(...claims.map(({ record }) => record?.purgeMs ?? 0));
    const nowMs = addMs(epochMs(purgeMs), durationMs(1));
    expect(await store.compact({ limit: 500, msMax: 0 }, { nowMs })).toMatchObject({ recordsRemoved: 1, more: true });
    expect(await store.compact({ limit: 500 }, { nowMs })).toMatchObject({ recordsRemoved: 2, more: false });
    await store.close();
  });
});

test('the file becomes smaller once compaction has freed much of it, with space left on the disk', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const store = await openSqliteStore({ path });
    const result = Buffer.alloc(1024 * 1024, 'result');
    const bytes = SHRINK_FREE_PAGES_MIN * 4096 * 2;
    let purgeMs = 0;
    for (let written = 0; written < bytes; written += result.length) {
      const [key, token] = [`key-${written}`, newToken()];
      await store.claim(claimOf(key, token));
      const { record } = await store.settle(settleOf(key, token, result));
      purgeMs = record?.purgeMs ?? purgeMs;
    }
    await expect.poll(() => statSync(path).size, { timeout: 10_000 }).toBeGreaterThan(bytes * 0.9);
    const nowMs = epochMs(purgeMs);
    expect(await store.compact({ limit: 500 }, { nowMs })).toMatchObject({ more: false });
    await expect.poll(() => statSync(path).size, { timeout: 10_000 }).toBeLessThan(bytes * 0.6);
    await store.close();
  });
});
