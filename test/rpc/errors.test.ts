// DESIGN.md 6: what each kind of trouble looks like on the wire; that no driver's words get there, and nobody is left hanging.

import { status as Code } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { StoreError, type Store, type StoreErrorKind } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { bytes, openScene, refusal } from './scene.ts';

const SECRET = 'password=hunter2 at 10.0.0.5';

/** A real store whose verbs fail as told. */
function failing(failure: () => Error): { store: Store; breakNow: () => void } {
  const store = createMemoryStore();
  let isBroken = false;
  const guarded =
    <Arguments extends unknown[], Result>(verb: (...args: Arguments) => Promise<Result>) =>
    async (...args: Arguments): Promise<Result> => {
      if (isBroken) throw failure();
      return verb(...args);
    };
  return {
    store: {
      ...store,
      claim: guarded(async (...args: Parameters<Store['claim']>) => store.claim(...args)),
      extend: guarded(async (...args: Parameters<Store['extend']>) => store.extend(...args)),
      settle: guarded(async (...args: Parameters<Store['settle']>) => store.settle(...args)),
      read: guarded(async (...args: Parameters<Store['read']>) => store.read(...args)),
    },
    breakNow: () => (isBroken = true),
  };
}

const storeError = (kind: StoreErrorKind): StoreError =>
  new StoreError(kind, `trouble: ${SECRET}`, { cause: new Error(`connect ECONNREFUSED ${SECRET}`) });

describe('a store in trouble', () => {
  test.each([
    ['unavailable', { outcome: 'none' }],
    ['unknown', { outcome: 'unknown' }],
    ['full', { outcome: 'none', cause: 'full' }],
  ] as const)('that is %s answers UNAVAILABLE and says whether something was written', async (kind, metadata) => {
    const { store, breakNow } = failing(() => storeError(kind));
    await using scene = await openScene({ store });
    const holder = scene.holder(await scene.acquire());
    breakNow();
    for (const call of [
      scene.begin({ key: 'other' }),
      scene.client.complete({ ...holder, result: bytes('r') }),
      scene.client.renew(holder),
      scene.client.lookup({ namespace: scene.namespace, key: 'order-1' }),
    ]) {
      const refused = await refusal(call);
      expect(refused).toMatchObject({ code: Code.UNAVAILABLE, reason: 'STORE_UNAVAILABLE', metadata });
      expect(refused.retryMs).toBeGreaterThan(0);
      expect(JSON.stringify(refused)).not.toContain('hunter2');
    }
  });

  test('that breaks in a way nobody foresaw answers INTERNAL with a request id, and no more', async () => {
    const { store, breakNow } = failing(() => new Error(SECRET));
    await using scene = await openScene({ store });
    breakNow();
    const refused = await refusal(scene.begin());
    expect(refused).toMatchObject({ code: Code.INTERNAL, reason: 'INTERNAL' });
    expect(refused.metadata['request_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(refused)).not.toContain('hunter2');
  });
});
