// The index of places is written after its records, in bulk, and so are those of records that went: whatever happens in
// between, no record may get out of reach, or be found where it does not stand.

import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Engine } from '../../../storage/sqlite/engine.ts';
import { FILTER_BITS_MIN, FILTER_BITS_PER_RECORD } from '../../../storage/sqlite/limits.ts';
import { openDatabase, openEngine } from '../../../storage/sqlite/open.ts';
import { packClaim, packRead } from '../../../storage/sqlite/pack.ts';
import { createPlaceFilter } from '../../../storage/sqlite/place-filter.ts';
import { BY_THE_CLOCK, type Operation, type Reply } from '../../../storage/sqlite/protocol.ts';
import { prepareStatements } from '../../../storage/sqlite/statements.ts';
import { createRandom, seedsToTry } from '../../model/random.ts';
import { claimOf, idOf, inFolder, NAMESPACE } from './scene.ts';

const SILENT = { info: () => undefined, warn: () => undefined };
const RECENT = 6;
const STEPS = 600;
const KEYS = 60;

const claim = (key: string): Operation => packClaim(claimOf(key), BY_THE_CLOCK);
const remove = (key: string, revision: number): Operation => [
  'remove',
  // Not before the clock is past its revision.
  revision + 1,
  { ...idOf(key), revision, force: true },
];
const read = (key: string): Operation => packRead({ ...idOf(key), includeResult: false }, BY_THE_CLOCK);

const revisionOf = (reply: Reply | undefined): number | undefined =>
  typeof reply === 'object' && reply[0] === 'record' && Array.isArray(reply[3]) ? (reply[3][4] as number) : undefined;

/** Any batch with such a key is rolled back whole and tried again one by one. */
function refuseBadKeys(path: string): void {
  const file = new Sqlite(path);
  file.exec(`create trigger bad_key before insert on records when new.key like 'bad%'
    begin select raise(rollback, 'a key that fails'); end`);
  file.close();
}

function listed(engine: Engine): string[] {
  const keys: string[] = [];
  let after: string | undefined;
  do {
    const request = { namespace: NAMESPACE, limit: 7, ...(after !== undefined && { after }) };
    const [reply] = engine.run([['list', BY_THE_CLOCK, request]]);
    if (typeof reply !== 'object' || reply[0] !== 'value') throw new Error(`no page: ${JSON.stringify(reply)}`);
    const page = reply[1] as { rows: readonly (readonly unknown[])[]; next: string | undefined };
    keys.push(...page.rows.map((row) => row[2] as string));
    after = page.next;
  } while (after !== undefined);
  return keys;
}

/** What a start relies on: up to the mark every record has its place, and a place without a record is to leave. */
function expectSoundIndex(path: string): { readonly placedUntil: number; readonly left: number } {
  const file = new Sqlite(path, { readonly: true });
  const gone = `(select place.value ->> 1 from gone, json_each(gone.places) as place)`;
  const missing = file.prepare(`select key from records
    where id <= (select placed_until from server) and not exists (select 1 from places where places.id = records.id)`);
  const dangling = file.prepare(`select id from places where id not in (select id from records) and id not in ${gone}`);
  // An id that is used again would take the new record's place along.
  const doomed = file.prepare(`select id from records where id in ${gone}`);
  expect({ missing: missing.all(), dangling: dangling.all(), doomed: doomed.all() }).toEqual({
    missing: [],
    dangling: [],
    doomed: [],
  });
  const placedUntil = file.prepare<[], number>('select placed_until from server').pluck().get() ?? 0;
  const left = file.prepare<[], number>(`select count(*) from places where id not in (select id from records)`);
  const leftNow = left.pluck().get() ?? 0;
  file.close();
  return { placedUntil, left: leftNow };
}

/** Ends the engine as a killed process does: what it does at its end does not stand in the file. */
function crash(engine: Engine, path: string): void {
  const files = [path, `${path}-wal`];
  for (const file of files) copyFileSync(file, `${file}.kept`);
  engine.close();
  for (const file of files) renameSync(`${file}.kept`, file);
}

test.each(seedsToTry('places', 6))(
  'records stay in reach over generations, removals, failed batches and restarts (seed %i)',
  async (seed) => {
    const random = createRandom(seed);
    await inFolder(async (folder) => {
      const path = join(folder, 'onced.db');
      const open = (): Engine => openEngine({ path, ballastBytes: 4_096, recentRecordsMax: RECENT }, SILENT);
      let engine = open();
      refuseBadKeys(path);
      const standing = new Set<string>();
      const keyOf = (): string => `key-${random.between(0, KEYS - 1)}`;
      // Others of a namespace with few records, so that its listing goes by the index.
      engine.run(
        Array.from({ length: 5 * KEYS }, (_, index) =>
          packClaim({ ...claimOf(`${index}`), namespace: 'other' as typeof NAMESPACE }, BY_THE_CLOCK),
        ),
      );
      for (let step = 0; step < STEPS; step += 1) {
        const claimed = Array.from({ length: random.between(1, 4) }, keyOf);
        const removed = [...standing].filter(() => random.chance(0.05));
        const revisions = removed.map((key) => revisionOf(engine.run([read(key)])[0]) ?? 0);
        const failing = random.chance(0.2) ? [claim(`bad-${step}`)] : [];
        // Some of the keys that go come again at once.
        engine.run([
          ...removed.map((key, index) => remove(key, revisions[index] ?? 0)),
          ...claimed.map(claim),
          ...failing,
        ]);
        for (const key of removed) standing.delete(key);
        for (const key of claimed) standing.add(key);
        if (random.chance(0.02)) {
          if (random.chance(0.5)) crash(engine, path);
          else engine.close();
          expectSoundIndex(path);
          engine = open();
        }
        const key = keyOf();
        expect(revisionOf(engine.run([read(key)])[0]) !== undefined, `${key} at step ${step}`).toBe(standing.has(key));
      }
      expect(listed(engine).toSorted()).toEqual([...standing].toSorted());
      const found = [...standing].filter((key) => revisionOf(engine.run([read(key)])[0]) !== undefined);
      expect(found).toHaveLength(standing.size);
      engine.close();
      // Otherwise no generation was ever written.
      expect(expectSoundIndex(path).placedUntil).toBeGreaterThan(6 * KEYS);
    });
  },
);

test('a full filter sends one new place in twenty to the table for nothing', async () => {
  await inFolder(async (folder) => {
    const database = openDatabase(join(folder, 'onced.db'), SILENT);
    const filter = createPlaceFilter(prepareStatements(database));
    filter.readOn(1);
    const random = createRandom(1);
    const place = (): number => random.between(0, 2 ** 15 - 1) * 2 ** 32 + random.between(0, 2 ** 32 - 1);
    const added = Array.from({ length: FILTER_BITS_MIN / FILTER_BITS_PER_RECORD }, place);
    for (const one of added) filter.add(one);
    expect(added.every((one) => filter.mayHave(one))).toBe(true);
    const others = Array.from({ length: 50_000 }, place).filter((one) => filter.mayHave(one));
    expect(others.length / 50_000).toBeLessThan(0.055);
    database.close();
  });
});

test('a file of the first version goes on with every record in reach', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const before = openEngine({ path, ballastBytes: 4_096 }, SILENT);
    before.run(Array.from({ length: 50 }, (_, index) => claim(`old-${index}`)));
    before.close();
    const file = new Sqlite(path);
    file.exec(`drop table gone; drop table places; alter table server drop column placed_until;
      create index records_by_hash on records (hash)`);
    file.pragma('user_version = 1');
    file.close();
    const after = openEngine({ path, ballastBytes: 4_096, recentRecordsMax: RECENT }, SILENT);
    const replies = after.run(Array.from({ length: 50 }, (_, index) => read(`old-${index}`)));
    expect(replies.filter((reply) => revisionOf(reply) === undefined)).toEqual([]);
    after.run([claim('new')]);
    after.close();
    expectSoundIndex(path);
  });
});

test('a new record never gets an id below the mark, where a start would not look for it', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const open = (): Engine => openEngine({ path, ballastBytes: 4_096, recentRecordsMax: 1 }, SILENT);
    const before = open();
    const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
    for (const key of keys) before.run([claim(key)]);
    for (const key of keys) before.run([remove(key, revisionOf(before.run([read(key)])[0]) ?? 0)]);
    before.close();
    expect(expectSoundIndex(path).placedUntil).toBeGreaterThan(0);
    const between = open();
    between.run([claim('new')]);
    between.close();
    const after = open();
    expect(revisionOf(after.run([read('new')])[0])).toBeDefined();
    after.close();
  });
});

test('a key that is begun again before its former place has left is found and listed once, also after that', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    // So many that the first keys are in the table, and what is done with them afterwards is not yet.
    const open = (): Engine => openEngine({ path, ballastBytes: 4_096, recentRecordsMax: 400 }, SILENT);
    let engine = open();
    const keys = Array.from({ length: KEYS }, (_, index) => `key-${index}`);
    const others = (count: number, name: string): void => {
      for (let index = 0; index < count; index += 1) {
        engine.run([
          packClaim({ ...claimOf(`${name}-${index}`), namespace: 'other' as typeof NAMESPACE }, BY_THE_CLOCK),
        ]);
      }
    };
    for (const key of keys) engine.run([claim(key)]);
    // So that the listing goes by the index.
    others(10 * KEYS, 'before');
    for (const key of keys) engine.run([remove(key, revisionOf(engine.run([read(key)])[0]) ?? 0)]);
    for (const key of keys) expect(revisionOf(engine.run([read(key)])[0]), key).toBeUndefined();
    expect(listed(engine)).toEqual([]);
    const expectAll = (): void => {
      for (const key of keys) expect(revisionOf(engine.run([read(key)])[0]), key).toBeDefined();
      expect(listed(engine).toSorted()).toEqual(keys.toSorted());
    };
    for (const key of keys) engine.run([claim(key)]);
    expect(expectSoundIndex(path).left).toBeGreaterThan(0);
    expectAll();
    crash(engine, path);
    engine = open();
    expectAll();
    others(10 * KEYS, 'after');
    expect(expectSoundIndex(path).left).toBe(0);
    expectAll();
    engine.close();
    const file = new Sqlite(path, { readonly: true });
    expect(file.prepare('select count(*) from gone').pluck().get()).toBe(0);
    file.close();
  });
});

test('a new record never gets the id of one whose place is still to leave, where the last ids are gone', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const open = (): Engine => openEngine({ path, ballastBytes: 4_096, recentRecordsMax: 400 }, SILENT);
    const before = open();
    before.run([claim('first'), claim('last')]);
    before.close();
    // What a start has read may have its place in the table, and so leaves it.
    const between = open();
    between.run([remove('last', revisionOf(between.run([read('last')])[0]) ?? 0)]);
    crash(between, path);
    const after = open();
    after.run([claim('last')]);
    expectSoundIndex(path);
    crash(after, path);
    const again = open();
    expect(revisionOf(again.run([read('last')])[0])).toBeDefined();
    again.close();
  });
});

test('the places of a generation that a crash cut short leave with their records', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const open = (recentRecordsMax: number): Engine =>
      openEngine({ path, ballastBytes: 4_096, recentRecordsMax }, SILENT);
    const before = open(20);
    const keys = Array.from({ length: 21 }, (_, index) => `key-${index}`);
    for (const key of keys) before.run([claim(key)]);
    crash(before, path);
    const after = open(400);
    const revisions = keys.map((key) => revisionOf(after.run([read(key)])[0]) ?? 0);
    after.run(keys.map((key, index) => remove(key, revisions[index] ?? 0)));
    // Some were written, and those are to leave.
    expect(expectSoundIndex(path).left).toBeGreaterThan(0);
    after.close();
  });
});

test('what was to leave is forgotten once it has left, however many batches it came in', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const open = (): Engine => openEngine({ path, ballastBytes: 4_096, recentRecordsMax: 300 }, SILENT);
    const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`);
    const before = open();
    before.run(keys.map(claim));
    before.close();
    const engine = open();
    for (const key of keys) engine.run([remove(key, revisionOf(engine.run([read(key)])[0]) ?? 0)]);
    // One generation gathers, is written and is forgotten; the next is not full by then.
    for (let index = 0; index < 310; index += 1) engine.run([claim(`after-${index}`)]);
    engine.close();
    const file = new Sqlite(path, { readonly: true });
    expect(file.prepare('select count(*) from gone').pluck().get()).toBe(0);
    file.close();
    expect(expectSoundIndex(path).left).toBe(0);
  });
});
