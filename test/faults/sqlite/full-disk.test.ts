import { spawnSync } from 'node:child_process';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { epochMs, StoreError, type LeaseToken, type Store } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { claimOf, idOf, inFolder, newToken, settleOf } from './scene.ts';

const MIB = 1024 * 1024;
const CLAIMS_MAX = 20_000;
const RESULT = Buffer.alloc(8 * 1024, 'result');
// Recovers at 3 MiB free: more than an emptied log gives back, less than compaction or the deleted file do.
const SMALL = { ballastBytes: 1.5 * MIB, freeBytesMin: MIB };

const canMount = process.getuid?.() === 0 && mountWorks();
if (!canMount && process.env['CI'] === 'true') throw new Error('a full disk needs root, to mount a small tmpfs');
if (!canMount) console.warn('skipped: a full disk needs root, to mount a small tmpfs');

function mountWorks(): boolean {
  const at = '/tmp/onced-mount-probe';
  spawnSync('mkdir', ['-p', at]);
  const works = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at]).status === 0;
  if (works) spawnSync('umount', [at]);
  return works;
}

/** Runs on a disk of 8 MiB, of which a file takes half that can be deleted to make room. */
async function onSmallDisk(prove: (disk: { path: string; makeRoom: () => Promise<void> }) => Promise<void>) {
  await inFolder(async (folder) => {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
    expect(mounted.status).toBe(0);
    try {
      const filler = join(folder, 'filler');
      await writeFile(filler, Buffer.alloc(4 * MIB));
      await prove({ path: join(folder, 'onced.db'), makeRoom: () => rm(filler) });
    } finally {
      // Lazily: a test that failed has the file open still.
      spawnSync('umount', ['-l', folder]);
    }
  });
}

interface Work {
  /** Keys that were completed, in order. */
  readonly completed: string[];
  readonly held: { readonly key: string; readonly leaseToken: LeaseToken };
}

/** Begins and completes until the store says that it is full. */
async function fill(store: Store): Promise<Work> {
  const held = { key: 'held from the start', leaseToken: newToken() };
  await store.claim(claimOf(held.key, held.leaseToken));
  const completed: string[] = [];
  for (let count = 0; count < CLAIMS_MAX; count += 1) {
    const key = `key-${count}`;
    const leaseToken = newToken();
    const claimed = await store.claim(claimOf(key, leaseToken)).catch((error: unknown) => error);
    if (claimed instanceof StoreError) {
      expect(claimed.kind).toBe('full');
      return { completed, held };
    }
    await store.settle(settleOf(key, leaseToken, RESULT));
    completed.push(key);
  }
  throw new Error('the disk was never full');
}

const kindOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof StoreError ? error.kind : String(error)),
  );

async function recovered(store: Store): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while ((await kindOf(store.claim(claimOf(`after-${performance.now()}`)))) !== 'done') {
    if (performance.now() > deadlineMs) throw new Error('the store did not recover');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe.skipIf(!canMount)('on a full disk', () => {
  test('begins are refused as full, while holders settle, lookups are answered and compaction works', async () => {
    await onSmallDisk(async ({ path }) => {
      const store = await openSqliteStore({ path, ...SMALL });
      const { held, completed } = await fill(store);
      expect(await kindOf(store.claim(claimOf('another')))).toBe('full');
      expect(await kindOf(store.ping())).toBe('full');
      expect((await store.settle(settleOf(held.key, held.leaseToken, Buffer.from('late')))).applied).toBe(true);
      const found = await store.read({ ...idOf(completed.at(-1) ?? ''), includeResult: true });
      expect(Buffer.from(found.record?.result ?? [])).toEqual(RESULT);
      const nowMs = epochMs(found.nowMs + 2 * 86_400_000);
      expect((await store.compact({ limit: 20 }, { nowMs })).recordsRemoved).toBe(20);
      await store.close();
    });
  });

  test('begins in one batch with a settle are refused without failing the settle', async () => {
    await onSmallDisk(async ({ path }) => {
      const store = await openSqliteStore({ path, ...SMALL });
      const { held } = await fill(store);
      const kinds = await Promise.all([
        kindOf(store.claim(claimOf('one'))),
        kindOf(store.settle(settleOf(held.key, held.leaseToken, Buffer.from('late')))),
        kindOf(store.claim(claimOf('two'))),
      ]);
      expect(kinds).toEqual(['full', 'done', 'full']);
      await store.close();
    });
  });

  test('new records are taken again by themselves once space came back, and nothing was lost', async () => {
    await onSmallDisk(async ({ path, makeRoom }) => {
      const store = await openSqliteStore({ path, ...SMALL });
      const { completed } = await fill(store);
      await makeRoom();
      await recovered(store);
      await store.close();
      const again = await openSqliteStore({ path, ...SMALL });
      for (const key of completed) {
        const { record } = await again.read({ ...idOf(key), includeResult: true });
        expect(Buffer.from(record?.result ?? [])).toEqual(RESULT);
      }
      await again.close();
    });
  });

  test('what compaction frees is given back to the disk, so that the store recovers without help', async () => {
    await onSmallDisk(async ({ path }) => {
      const store = await openSqliteStore({ path, ...SMALL });
      const { completed } = await fill(store);
      const nowMs = epochMs(Date.now() + 2 * 86_400_000);
      let removed = 0;
      for (let isMore = true; isMore;) {
        const { recordsRemoved, more } = await store.compact({ limit: 50 }, { nowMs });
        removed += recordsRemoved;
        isMore = more;
      }
      expect(removed).toBeGreaterThanOrEqual(completed.length);
      await recovered(store);
      await store.close();
    });
  });

  test('a store starts on a full disk and answers lookups', async () => {
    await onSmallDisk(async ({ path, makeRoom }) => {
      const store = await openSqliteStore({ path, ...SMALL });
      const { completed } = await fill(store);
      await store.close();
      await fillUp(path);
      const again = await openSqliteStore({ path, ...SMALL });
      const { record } = await again.read({ ...idOf(completed[0] ?? ''), includeResult: true });
      expect(record?.state).toBe('COMPLETED');
      expect(await kindOf(again.claim(claimOf('another')))).toBe('full');
      await makeRoom();
      await recovered(again);
      await again.close();
    });
  });
});

/** Takes what space is left, to the last page. */
async function fillUp(path: string): Promise<void> {
  await rm(`${path}-ballast`, { force: true });
  const { bavail, bsize } = await statfs(path);
  await writeFile(`${path}.rest`, Buffer.alloc(bavail * bsize));
}
