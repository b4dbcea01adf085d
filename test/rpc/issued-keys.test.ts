// The secrets of issued keys while the store does not answer. What holds on every store: features/issued-keys.ts.

import { expect, test } from 'vitest';
import { createIssuedKeys } from '../../server/issued-keys.ts';
import { StoreError, type Registry } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';

const MINUTE_MS = 60_000;

test('the last known secrets go on telling good keys, and nobody is called a forger whose key may be of a newer one', async () => {
  const { registry } = createMemoryStore();
  const issuer = createIssuedKeys({ registry });
  const [key = ''] = await issuer.issue('payments', 1, Date.now() + MINUTE_MS);
  let isDown = false;
  let nowMs = 0;
  const get: Registry['get'] = async (id) => {
    if (isDown) throw new StoreError('unavailable', 'taken out of reach by the test');
    return registry.get(id);
  };
  const keys = createIssuedKeys({ registry: { ...registry, get }, nowMs: () => nowMs });
  await keys.load();
  await issuer.rotate();
  const [newer = ''] = await issuer.issue('payments', 1, Date.now() + MINUTE_MS);
  isDown = true;
  nowMs = MINUTE_MS;
  expect(await keys.check('payments', key, Date.now())).toBe('good');
  expect(await keys.check('elsewhere', key, Date.now())).toBe('namespace');
  await expect(keys.check('payments', newer, Date.now())).rejects.toBeInstanceOf(StoreError);
  isDown = false;
  expect(await keys.check('payments', newer, Date.now())).toBe('good');
});
