// Records that are archived before they go, and read again by the command line.

import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createArchive } from '../../server/archive.ts';
import type { Namespace } from '../../storage/contract/index.ts';
import { makeFolder, runOnced } from '../support/onced.ts';
import { openManaged, type Managed } from './managed.ts';
import { bytes, ms, refusal } from './scene.ts';

const HOUR_MS = 3_600_000;
const POLICY = { archive: true, ttl: ms(HOUR_MS), lateRetryGrace: ms(0) };

async function complete(scene: Managed, key: string): Promise<void> {
  const lease = await scene.acquire({ key, labels: { trace: 't-1' } });
  await scene.client.complete({ ...scene.holder(lease, key), result: bytes(`receipt ${key}`) });
}

interface Line {
  readonly summary: { readonly namespace: string; readonly key: string; readonly state: string };
  readonly labels: Record<string, string>;
  readonly result: string;
}

async function readArchive(...args: string[]): Promise<{ code: number | null; lines: Line[]; stderr: string }> {
  const { code, stdout, stderr } = await runOnced(['archive', ...args]);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { code, stderr, lines: lines.map((line) => JSON.parse(line) as Line) };
}

describe('a namespace with archive on', () => {
  test('has its records in the folder before they are removed, with results and labels', async () => {
    await using folder = await makeFolder();
    await using scene = await openManaged({ policy: POLICY, archiveFolder: folder.path });
    for (const key of ['a', 'b', 'c']) await complete(scene, key);
    scene.advance(HOUR_MS / 2);
    await scene.acquire({ key: 'live', lease: ms(HOUR_MS) });
    expect(await scene.admin.runCompaction({})).toMatchObject({ recordsRemoved: 0n });
    expect(await readdir(folder.path)).toEqual([]);
    scene.advance(HOUR_MS / 2);
    expect(await scene.admin.runCompaction({})).toMatchObject({ recordsRemoved: 3n });
    const lookup = scene.client.lookup({ namespace: scene.namespace, key: 'a' });
    expect(await refusal(lookup)).toMatchObject({ reason: 'INTENT_NOT_FOUND' });
    const { code, lines } = await readArchive(folder.path, '--namespace', scene.namespace);
    expect(code).toBe(0);
    expect(lines.map(({ summary }) => summary.key).toSorted()).toEqual(['a', 'b', 'c']);
    const [one] = (await readArchive(folder.path, '--key', 'b')).lines;
    expect(Buffer.from(one?.result ?? '', 'base64').toString()).toBe('receipt b');
    expect(one?.labels).toEqual({ trace: 't-1' });
    expect((await readArchive(folder.path, '--day', '1999-01-01')).code).toBe(1);
    expect((await readArchive(folder.path, '--namespace', 'elsewhere')).lines).toEqual([]);
  });

  test('archives those below it that have no policy of their own', async () => {
    await using folder = await makeFolder();
    await using scene = await openManaged({ policy: POLICY, archiveFolder: folder.path });
    const namespace = `${scene.namespace}/below`;
    const lease = await scene.acquire({ namespace });
    await scene.client.complete({ ...scene.holder(lease), namespace, result: bytes('r') });
    scene.advance(HOUR_MS);
    expect(await scene.admin.runCompaction({})).toMatchObject({ recordsRemoved: 1n });
    expect((await readArchive(folder.path, '--namespace', namespace)).lines).toHaveLength(1);
  });

  test('keeps a record that was begun again after it was written down', async () => {
    await using folder = await makeFolder();
    await using scene = await openManaged({ policy: POLICY });
    await complete(scene, 'a');
    scene.advance(HOUR_MS);
    let isBegun = false;
    const archive = createArchive({
      folder: folder.path,
      store: {
        ...scene.store,
        async remove(request, options) {
          if (!isBegun) await scene.acquire({ key: 'a' });
          isBegun = true;
          return scene.store.remove(request, options);
        },
      },
    });
    expect(await archive.run([scene.namespace as Namespace], undefined)).toBe(0);
    expect((await scene.begin({ key: 'a' })).outcome.case).toBe('inProgress');
  });

  test('keeps all when the folder cannot be written', async () => {
    await using folder = await makeFolder();
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    await using scene = await openManaged({ policy: POLICY, archiveFolder: file });
    await complete(scene, 'a');
    scene.advance(HOUR_MS);
    await refusal(scene.admin.runCompaction({}));
    const kept = await scene.store.list({ namespace: scene.namespace as Namespace, includeExpired: true, limit: 10 });
    expect(kept.records).toHaveLength(1);
  });
});

test('onced archive prints what is whole of a torn file, and a record written twice once', async () => {
  await using folder = await makeFolder();
  await using scene = await openManaged({ policy: POLICY, archiveFolder: folder.path });
  await complete(scene, 'a');
  scene.advance(HOUR_MS);
  await scene.admin.runCompaction({});
  const [name = ''] = await readdir(folder.path);
  const member = await readFile(join(folder.path, name));
  await appendFile(join(folder.path, name), member);
  await appendFile(join(folder.path, name), member.subarray(0, member.length - 12));
  const { code, lines, stderr } = await readArchive(folder.path);
  expect(code).toBe(0);
  expect(lines.map(({ summary }) => summary.key)).toEqual(['a']);
  expect(stderr).toContain('ends in the middle');
});
