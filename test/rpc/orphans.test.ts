// ClaimOrphans over pages that a store may give, but seldom does. What holds for every store is in features/orphans.ts.

import { expect, test } from 'vitest';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { StoreError, type Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openManaged } from './managed.ts';
import { refusal } from './scene.ts';

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

test('hands out those that were taken when another one could not be, and says so only without any', async () => {
  const base = createMemoryStore();
  let isAway = (_key: string): boolean => false;
  const store: Store = {
    ...base,
    claim: async (request, options) => {
      if (isAway(request.key)) throw new StoreError('unavailable', 'out of reach for this key');
      return base.claim(request, options);
    },
  };
  await using scene = await openManaged({ store });
  for (const key of ['order-1', 'order-2', 'order-3']) {
    await scene.client.fail({ ...scene.holder(await scene.acquire({ key })), key, kind: FailKind.UNKNOWN });
  }
  isAway = (key) => key === 'order-2';
  const { orphans } = await scene.client.claimOrphans({ namespace: scene.namespace });
  expect(new Set(orphans.map(({ record }) => record?.summary?.key))).toEqual(new Set(['order-1', 'order-3']));
  expect((await refusal(scene.client.claimOrphans({ namespace: scene.namespace }))).reason).toBe('STORE_UNAVAILABLE');
  isAway = () => false;
  const rest = await scene.client.claimOrphans({ namespace: scene.namespace });
  expect(rest.orphans.map(({ record }) => record?.summary?.key)).toEqual(['order-2']);
});
