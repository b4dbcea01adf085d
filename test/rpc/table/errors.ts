// DESIGN.md 6: what each kind of trouble looks like on the wire; that no driver's words get there, and nobody is left hanging.

import { status as Code } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { StoreError, type Store, type StoreErrorKind } from '../../../storage/contract/index.ts';
import { bytes, type OpenScene, refusal } from '../scene.ts';

const SECRET = 'password=hunter2 at 10.0.0.5';

/** A store whose verbs fail as told. */
function failing(failure: () => Error): { wrap: (store: Store) => Store; breakNow: () => void } {
  let isBroken = false;
  const guarded =
    <Arguments extends unknown[], Result>(verb: (...args: Arguments) => Promise<Result>) =>
    async (...args: Arguments): Promise<Result> => {
      if (isBroken) throw failure();
      return verb(...args);
    };
  return {
    wrap: (store) => ({
      ...store,
      claim: guarded(async (...args: Parameters<Store['claim']>) => store.claim(...args)),
      extend: guarded(async (...args: Parameters<Store['extend']>) => store.extend(...args)),
      settle: guarded(async (...args: Parameters<Store['settle']>) => store.settle(...args)),
      read: guarded(async (...args: Parameters<Store['read']>) => store.read(...args)),
    }),
    breakNow: () => (isBroken = true),
  };
}

const storeError = (kind: StoreErrorKind): StoreError =>
  new StoreError(kind, `trouble: ${SECRET}`, { cause: new Error(`connect ECONNREFUSED ${SECRET}`) });

export function errorTable(open: OpenScene): void {
  describe('a store in trouble', () => {
    test.each([
      ['unavailable', { outcome: 'none' }],
      ['unknown', { outcome: 'unknown' }],
      ['full', { outcome: 'none', cause: 'full' }],
    ] as const)('that is %s answers UNAVAILABLE and says whether something was written', async (kind, metadata) => {
      const { wrap, breakNow } = failing(() => storeError(kind));
      await using scene = await open({ wrap });
      const holder = scene.holder(await scene.acquire());
      breakNow();
      const refusals = await Promise.all([
        refusal(scene.begin({ key: 'other' })),
        refusal(scene.client.complete({ ...holder, result: bytes('r') })),
        refusal(scene.client.renew(holder)),
        refusal(scene.client.lookup({ namespace: scene.namespace, key: 'order-1' })),
      ]);
      for (const refused of refusals) {
        expect(refused).toMatchObject({ code: Code.UNAVAILABLE, reason: 'STORE_UNAVAILABLE', metadata });
        expect(refused.retryMs).toBeGreaterThan(0);
        expect(JSON.stringify(refused)).not.toContain('hunter2');
      }
    });

    test('that breaks in a way nobody foresaw answers INTERNAL with a request id, and no more', async () => {
      const { wrap, breakNow } = failing(() => new Error(SECRET));
      await using scene = await open({ wrap });
      breakNow();
      const refused = await refusal(scene.begin());
      expect(refused).toMatchObject({ code: Code.INTERNAL, reason: 'INTERNAL' });
      expect(refused.metadata['request_id']).toMatch(/^[0-9a-f-]{36}$/);
      expect(JSON.stringify(refused)).not.toContain('hunter2');
    });
  });
}
