// A server whose store goes away and comes back, and what it kept meanwhile.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { faultyStore, type FaultyStore } from '../support/faulty-store.ts';
import { makeFolder } from '../support/onced.ts';
import type { Managed, OpenManaged, PolicyInit } from './managed.ts';

export interface OutageScene extends AsyncDisposable {
  readonly scene: Managed;
  readonly faulty: FaultyStore;
  /** Waits until nothing is kept in the journal any more. */
  untilWritten(): Promise<void>;
  conflicts(): Promise<readonly string[]>;
}

/** One server and its journal, with a store that can be taken away. */
export async function openOutage(open: OpenManaged, policy: PolicyInit): Promise<OutageScene> {
  const folder = await makeFolder();
  const path = join(folder.path, 'journal.db');
  const journal = { exists: () => existsSync(path), open: async () => openSqliteStore({ path }) };
  let wrapped: FaultyStore | undefined;
  const scene = await open({ policy, journal, wrap: (inner) => (wrapped ??= faultyStore(inner)).store });
  const faulty = wrapped ?? expect.fail('the store was not wrapped');
  const { outage } = scene.server.engine;
  return {
    scene,
    faulty,
    async untilWritten() {
      await expect.poll(() => outage.kept(), { timeout: 30_000 }).toBe(0);
    },
    async conflicts() {
      const { namespace } = scene;
      const { conflicts } = await scene.admin.listDegradedConflicts({ namespace });
      return conflicts.map(({ key, cause }) => `${key} ${cause}`).toSorted();
    },
    async [Symbol.asyncDispose]() {
      faulty.set('up');
      await scene[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
