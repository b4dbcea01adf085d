// Records that are archived before they go, on every store.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createArchive } from '../../../server/archive.ts';
import type { Namespace, Store } from '../../../storage/contract/index.ts';
import { makeFolder } from '../../support/onced.ts';
import { complete, HOUR_MS, POLICY, readArchive } from '../archived.ts';
import type { OpenManaged } from '../managed.ts';
import { bytes, refusal } from '../scene.ts';

export function archiveFeatures(openManaged: OpenManaged): void {
  test('takes records of namespaces below that have no policy of their own, then they are removed', async () => {
    await using folder = await makeFolder();
    await using scene = await openManaged({ policy: POLICY, archiveFolder: folder.path });
    const namespace = `${scene.namespace}/below`;
    const lease = await scene.acquire({ namespace });
    await scene.client.complete({ ...scene.holder(lease), namespace, result: bytes('r') });
    scene.advance(HOUR_MS);
    expect(await scene.admin.runCompaction({})).toMatchObject({ recordsRemoved: 1n });
    expect((await readArchive(folder.path, '--namespace', namespace)).lines).toHaveLength(1);
  });

  test('takes no more at a time than compaction was told, and goes on where it stopped', async () => {
    await using folder = await makeFolder();
    await using scene = await openManaged({ policy: POLICY, archiveFolder: folder.path });
    for (const key of ['a', 'b', 'c', 'd', 'e']) await complete(scene, key);
    scene.advance(HOUR_MS);
    expect(await scene.admin.runCompaction({ limit: 3n })).toMatchObject({ recordsRemoved: 3n });
    expect((await readArchive(folder.path)).lines).toHaveLength(3);
    expect(await scene.admin.runCompaction({ limit: 3n })).toMatchObject({ recordsRemoved: 2n });
    expect((await readArchive(folder.path)).lines).toHaveLength(5);
  });

  test('takes records that the counts of a moment ago do not have yet', async () => {
    await using folder = await makeFolder();
    const wrap = (store: Store): Store => ({ ...store, stats: async () => ({ ...(await store.stats()), groups: [] }) });
    await using scene = await openManaged({ policy: POLICY, archiveFolder: folder.path, wrap });
    await complete(scene, 'a');
    scene.advance(HOUR_MS);
    expect(await scene.admin.runCompaction({})).toMatchObject({ recordsRemoved: 1n });
    expect((await readArchive(folder.path)).lines).toHaveLength(1);
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
    expect(await archive.run([scene.namespace as Namespace], { limit: Infinity, signal: undefined })).toBe(0);
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
}
