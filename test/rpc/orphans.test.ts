// ClaimOrphans over pages that a store may give, but seldom does. What holds for every store is in features/orphans.ts.

import { expect, test } from 'vitest';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openManaged } from './managed.ts';

test('finds one that stands behind pages with nothing in them', async () => {
  const base = createMemoryStore();
  let pages = 0;
  // A real store, whose pages may be short, even empty, as the contract allows: SQLite's are.
  const store: Store = {
    ...base,
    list: async (request, options) => {
      pages += 1;
      if (pages > 3) return base.list({ ...request, after: '' }, options);
      return { records: [], nowMs: (await base.stats(options)).nowMs, next: String(pages) };
    },
  };
  await using scene = await openManaged({ store });
  await scene.client.fail({ ...scene.holder(await scene.acquire()), kind: FailKind.UNKNOWN });
  pages = 0;
  const { orphans } = await scene.client.claimOrphans({ namespace: scene.namespace });
  expect(orphans.map(({ record }) => record?.summary?.key)).toEqual(['order-1']);
  expect(pages).toBe(4);
});
