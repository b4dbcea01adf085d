import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Key, ListFilter, Namespace, Store, StoredRecord } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { claimOf, inFolder, NAMESPACE, newToken, settleOf } from './scene.ts';

const SMALL = 'small' as Namespace;

/** More records in one namespace than a listing looks at in one step on any machine, and a few in another. */
const RECORDS = 20_000;

async function fill(store: Store): Promise<void> {
  const keys = Array.from({ length: RECORDS }, (_, index) => `key-${index}`);
  await Promise.all(keys.map((key) => store.claim(claimOf(key))));
  for (const key of ['a', 'b', 'c']) await store.claim({ ...claimOf(key), namespace: SMALL });
}

async function listAll(store: Store, filter: ListFilter, limit: number) {
  const records: StoredRecord[] = [];
  let pages = 0;
  let after: string | undefined;
  do {
    const page = await store.list({ ...filter, limit, ...(after !== undefined && { after }) });
    records.push(...page.records);
    after = page.next;
    pages += 1;
  } while (after !== undefined);
  return { keys: records.map(({ key }) => key as string), pages };
}

test.each([3, 1000, 100_000])(
  'a small namespace is one page, however many records others have (%i recent)',
  async (recentRecordsMax) => {
    await inFolder(async (folder) => {
      const store = await openSqliteStore({ path: join(folder, 'onced.db'), recentRecordsMax });
      await fill(store);
      const { keys, pages } = await listAll(store, { namespace: SMALL }, 100);
      expect(keys.toSorted()).toEqual(['a', 'b', 'c']);
      expect(pages).toBe(1);
      expect((await listAll(store, { namespace: SMALL }, 1)).keys.toSorted()).toEqual(['a', 'b', 'c']);
      await store.close();
    });
  },
);

test('a listing with a filter that matches nothing ends, in steps of a bounded time', async () => {
  await inFolder(async (folder) => {
    const store = await openSqliteStore({ path: join(folder, 'onced.db') });
    await fill(store);
    const nobody = await listAll(store, { namespace: NAMESPACE, owner: 'nobody' }, 100);
    expect(nobody.keys).toEqual([]);
    expect(nobody.pages).toBeGreaterThan(2);
    const { keys } = await listAll(store, {}, 1_000);
    expect(new Set(keys).size).toBe(RECORDS + 3);
    expect(keys).toHaveLength(RECORDS + 3);
    await store.close();
  });
});

test('orphans are found without looking at other records: lapsed leases first, then unknown outcomes', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'onced.db');
    const store = await openSqliteStore({ path });
    await fill(store);
    const token = newToken();
    await store.claim(claimOf('unsure', token));
    const settlement = { kind: 'unknown', error: undefined } as const;
    await store.settle({ ...settleOf('unsure', token, Buffer.of()), settlement });
    const lapsed = await store.claim({ ...claimOf('lapsed'), key: 'lapsed' as Key });
    const other = new Sqlite(path);
    other.prepare(`update records set lease_expire_ms = ? where key = 'lapsed'`).run(lapsed.nowMs - 1);
    other.close();
    expect(await listAll(store, { orphanedOnly: true }, 100)).toEqual({ keys: ['lapsed', 'unsure'], pages: 2 });
    expect((await listAll(store, { orphanedOnly: true, namespace: SMALL }, 100)).keys).toEqual([]);
    await store.close();
  });
});

test('a cursor that another store made is refused', async () => {
  await inFolder(async (folder) => {
    const store = await openSqliteStore({ path: join(folder, 'onced.db') });
    for (const after of ['', '17', 'rows.1', 'rows.1.2; drop table records', 'elsewhere.1.2']) {
      await expect(store.list({ limit: 10, after })).rejects.toThrow('cursor was not made by this store');
    }
    await store.close();
  });
});
