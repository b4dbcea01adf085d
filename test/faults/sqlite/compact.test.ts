import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addMs, durationMs, epochMs } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { claimOf, inFolder } from './scene.ts';

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
