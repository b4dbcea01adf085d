// Counting. Figures may be a few seconds old, so each case waits for them, with a bound.

import { expect, vi } from 'vitest';
import type { StoreStats } from '../../../storage/contract/index.ts';
import {
  byToken,
  bytes,
  completed,
  drain,
  failed,
  keyOf,
  newNamespace,
  unknown,
  type Cases,
  type Scene,
} from '../scene.ts';

export const statsCases: Cases = {
  'records are counted by namespace and state': async (scene) => {
    await drain(scene.store);
    const other = newNamespace();
    await scene.acquire({ key: keyOf('a') });
    await scene.acquire({ key: keyOf('b') });
    await scene.finish(byToken(await scene.acquire({ key: keyOf('c') })), failed, { key: keyOf('c') });
    await scene.acquire({ namespace: other });
    await eventually(scene, (stats) => {
      expect(countsOf(stats)).toEqual(
        [`${scene.namespace} IN_PROGRESS 2`, `${scene.namespace} FAILED 1`, `${other} IN_PROGRESS 1`].toSorted(),
      );
    });
  },

  'bytes are those of results and checkpoints, and go when they are dropped': async (scene) => {
    await drain(scene.store);
    const saved = await scene.acquire({ key: keyOf('saved') });
    await scene.extend(byToken(saved), { key: keyOf('saved'), checkpoint: bytes('c'.repeat(2_000)) });
    await scene.finish(byToken(await scene.acquire()), completed(bytes('r'.repeat(50_000))));
    await eventually(scene, (stats) => {
      expect(bytesOf(stats, 'IN_PROGRESS')).toBeGreaterThanOrEqual(2_000);
      expect(bytesOf(stats, 'COMPLETED')).toBeGreaterThanOrEqual(50_000);
    });
    scene.setNow((await scene.record()).resultExpireMs);
    await scene.store.compact({ limit: 1_000 }, scene.at());
    await eventually(scene, (stats) => expect(bytesOf(stats, 'COMPLETED')).toBeLessThan(50_000));
  },

  'without orphans there is no oldest one': async (scene) => {
    await drain(scene.store);
    await scene.acquire();
    await eventually(scene, (stats) => expect(stats).toMatchObject({ orphans: 0, oldestOrphanMs: undefined }));
  },

  'orphans are counted from lapsed leases and unknown outcomes, with the oldest one since when': async (scene) => {
    await drain(scene.store);
    const lapsed = await scene.acquire();
    scene.setNow(lapsed.leaseExpireMs - 1);
    await scene.acquire({ key: keyOf('live') });
    const key = keyOf('unknown');
    await scene.finish(byToken(await scene.acquire({ key })), unknown, { key });
    const since = scene.now();
    await eventually(scene, (stats) => expect(stats).toMatchObject({ orphans: 1, oldestOrphanMs: since }));
    scene.advance(1_000);
    await eventually(scene, (stats) => expect(stats).toMatchObject({ orphans: 2, oldestOrphanMs: since }));
  },

  'a purged record is counted no more': async (scene) => {
    await drain(scene.store);
    scene.setNow((await scene.acquire()).purgeMs);
    await scene.store.compact({ limit: 1_000 }, scene.at());
    await eventually(scene, (stats) => expect(countsOf(stats)).toEqual([]));
  },
};

const eventually = (scene: Scene, check: (stats: StoreStats) => void): Promise<void> =>
  vi.waitFor(async () => check(await scene.store.stats(scene.at())), { timeout: 10_000, interval: 100 });

const countsOf = (stats: StoreStats): readonly string[] =>
  stats.groups
    .filter((group) => group.records > 0)
    .map((group) => `${group.namespace} ${group.state} ${group.records}`)
    .toSorted();

const bytesOf = (stats: StoreStats, state: string): number =>
  stats.groups.filter((group) => group.state === state).reduce((sum, group) => sum + group.bytes, 0);
