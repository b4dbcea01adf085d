import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { missingFrom } from './acknowledged.ts';
import { startLoad, type Said } from './child.ts';
import { inFolder } from './scene.ts';

const ROUNDS = 5;
const SAID_BEFORE_KILL = 600;

/** Kills the process in the middle of its work, again and again on the same file; what was acknowledged and is missing. */
async function killRounds(mode: 'load' | 'unsafe', rounds: number): Promise<readonly string[]> {
  const missing: string[] = [];
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const said: Said[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const load = startLoad({ path, mode });
      await load.until((all) => all.length > SAID_BEFORE_KILL + round * 97);
      load.kill();
      expect((await load.ended()).signal).toBe('SIGKILL');
      said.push(...load.said);
      const store = await openSqliteStore({ path });
      missing.push(...(await missingFrom(store, said)));
      await store.close();
    }
  });
  return missing;
}

test('nothing acknowledged is lost when the process is killed under load, five times on one file', async () => {
  expect(await killRounds('load', ROUNDS)).toEqual([]);
}, 90_000);

test('the oracle notices a process that acknowledges before the commit', async () => {
  expect((await killRounds('unsafe', 3)).length).toBeGreaterThan(0);
}, 90_000);
