// The journal while its rows go into the store, beside those who speak to it.

import { expect, test } from 'vitest';
import { openJournal } from '../../server/journal/journal.ts';
import { StoreIsBack } from '../../server/journal/store-is-back.ts';
import { durationMs, type Key, type LeaseToken, type Namespace } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';

const holder = {
  namespace: 'payments' as Namespace,
  key: 'order-1' as Key,
  leaseToken: '0123456789abcdef0123456789abcdef' as LeaseToken,
};

test('a holder whose row was written before it had spoken makes its call anew, and is not told that there is no record', async () => {
  const journal = await openJournal(createMemoryStore());
  const store = await journal.holdersStore(holder);
  const [row] = (await journal.page(undefined)).records;
  await expect.poll(async () => row !== undefined && (await journal.remove(row))).toBe(true);
  expect(journal.heldFor(holder)).toEqual([]);
  const { namespace, key, leaseToken } = holder;
  const settled = store?.settle({
    namespace,
    key,
    guard: { kind: 'token', leaseToken },
    settlement: { kind: 'released', error: undefined, retryAfterMs: durationMs(0) },
    settleDigest: '',
    ttlMs: undefined,
    graceMs: durationMs(0),
  });
  await expect(settled).rejects.toThrow(StoreIsBack);
  expect(journal.size()).toBe(0);
});
