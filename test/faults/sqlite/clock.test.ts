import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { epochMs } from '../../../storage/contract/index.ts';
import { createClock } from '../../../storage/sqlite/clock.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { claimOf, inFolder } from './scene.ts';

test('a start on a wall clock that was set back goes on from the last instant written, and says so', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    await (await openSqliteStore({ path })).close();
    const aheadMs = Date.now() + 3_600_000;
    const file = new Sqlite(path);
    file.prepare('update server set clock_ms = ?').run(aheadMs);
    file.close();

    const warnings: string[] = [];
    const logger = { info: () => undefined, warn: (message: string) => void warnings.push(message) };
    const store = await openSqliteStore({ path, logger });
    const { nowMs, record } = await store.claim(claimOf('after the jump'));
    expect(nowMs).toBeGreaterThanOrEqual(aheadMs);
    expect(record?.leaseExpireMs).toBe(nowMs + 30_000);
    expect(warnings.join()).toContain('behind the last write');
    await store.close();
  });
});

test('the high-water mark is written with the commit, so that a killed server leaves it too', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const store = await openSqliteStore({ path });
    const { nowMs } = await store.claim(claimOf('one'));
    const reader = new Sqlite(path, { readonly: true });
    expect(reader.prepare('select clock_ms from server').pluck().get()).toBeGreaterThanOrEqual(nowMs);
    reader.close();
    await store.close();
  });
});

test('a wall clock that jumps while the server runs moves nothing', () => {
  let wallMs = 1_000_000;
  let monotonicMs = 5;
  const clock = createClock(epochMs(0), { wallMs: () => wallMs, monotonicMs: () => monotonicMs });
  expect(clock()).toBe(1_000_000);
  wallMs += 3_600_000;
  monotonicMs += 10;
  expect(clock()).toBe(1_000_010);
  wallMs -= 7_200_000;
  expect(clock()).toBe(1_000_010);
});
