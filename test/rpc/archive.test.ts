// Records that are archived before they go, and read again by the command line. On every store: features/archive.ts.

import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFolder } from '../support/onced.ts';
import { complete, HOUR_MS, POLICY, readArchive } from './archived.ts';
import { openManaged } from './managed.ts';
import { ms, refusal } from './scene.ts';

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
