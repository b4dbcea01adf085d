import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Key, Namespace } from '../../../storage/contract/index.ts';
import { createClock } from '../../../storage/sqlite/clock.ts';
import { createEngine, type Engine } from '../../../storage/sqlite/engine.ts';
import { openDatabase } from '../../../storage/sqlite/open.ts';
import { packClaim, packRead, packSettle } from '../../../storage/sqlite/pack.ts';
import { BY_THE_CLOCK, type Reply } from '../../../storage/sqlite/protocol.ts';
import { unpackRow } from '../../../storage/sqlite/rows.ts';
import { createSpace } from '../../../storage/sqlite/space.ts';
import { epochMs } from '../../../storage/contract/index.ts';
import { claimOf, idOf, inFolder, newToken, settleOf } from './scene.ts';

const SILENT = { info: () => undefined, warn: () => undefined };

function recordOf(reply: Reply | undefined) {
  if (typeof reply === 'number') return { applied: true, record: undefined, result: null };
  if (reply?.[0] !== 'record') throw new Error(`no record: ${JSON.stringify(reply)}`);
  return { applied: reply[2], record: Array.isArray(reply[3]) ? unpackRow(reply[3]) : undefined, result: reply[4] };
}

test('keys that share a hash are two records, in one namespace and across two', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const open = (): Engine => {
      const database = openDatabase(path, SILENT);
      const space = createSpace({ path, ballastBytes: 4_096, warn: () => undefined });
      const places = { placeOf: () => 7, rangeOf: () => ({ from: 0, until: 8 }) };
      return createEngine({ database, clock: createClock(epochMs(0)), space, places, recentRecordsMax: 2 });
    };
    let engine = open();
    const ids = [idOf('one'), idOf('two'), { namespace: 'elsewhere' as Namespace, key: 'one' as Key }];
    const tokens = ids.map(() => newToken());
    for (const [index, id] of ids.entries()) {
      const claim = packClaim({ ...claimOf('', tokens[index]), ...id }, BY_THE_CLOCK);
      expect(recordOf(engine.run([claim])[0])).toMatchObject({ applied: true, record: undefined });
    }
    const settle = { ...settleOf('', tokens[1] ?? newToken(), Buffer.from('of two')), ...idOf('two') };
    expect(recordOf(engine.run([packSettle(settle, BY_THE_CLOCK)])[0]).applied).toBe(true);
    // One that holds nothing at hand.
    engine.close();
    engine = open();
    const found = ids.map((id) => recordOf(engine.run([packRead({ ...id, includeResult: true }, BY_THE_CLOCK)])[0]));
    expect(found.map(({ record }) => record?.leaseToken)).toEqual(tokens);
    expect(found.map(({ record }) => record?.state)).toEqual(['IN_PROGRESS', 'COMPLETED', 'IN_PROGRESS']);
    expect(found.map(({ result }) => result)).toEqual([null, 'of two', null]);
    engine.close();
  });
});
