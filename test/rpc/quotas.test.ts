// The rate of a namespace over real gRPC and by an injected clock. Counted quotas are in features/quotas.ts.

import { describe, expect, test } from 'vitest';
import { Rejection } from '../../server/errors.ts';
import { DEFAULT_POLICY } from '../../server/policy.ts';
import { createQuotas } from '../../server/quotas.ts';
import type { Namespace, Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openManaged } from './managed.ts';
import { refusal } from './scene.ts';

const SPACE = 'quotas' as Namespace;

/** Counts what reaches the store. */
function countingStore(): { readonly store: Store; readonly touches: () => number } {
  const memory = createMemoryStore();
  let touches = 0;
  return {
    store: {
      ...memory,
      claim: async (...args) => {
        touches += 1;
        return memory.claim(...args);
      },
      read: async (...args) => {
        touches += 1;
        return memory.read(...args);
      },
    },
    touches: () => touches,
  };
}

describe('begins a second', () => {
  test('beyond the quota are refused with a delay, before the store is touched', async () => {
    const { store, touches } = countingStore();
    await using scene = await openManaged({ store, policy: { beginsPerSecond: 2 } });
    await scene.begin({ key: 'a' });
    await scene.begin({ key: 'b' });
    const before = touches();
    const refused = await refusal(scene.begin({ key: 'c' }));
    expect(refused).toMatchObject({
      reason: 'QUOTA_EXCEEDED',
      metadata: { quota: 'begins_per_second', limit: '2' },
    });
    expect(refused.retryMs).toBeGreaterThan(0);
    expect(refused.retryMs).toBeLessThanOrEqual(500);
    expect(touches()).toBe(before);
    // Others are not held back.
    await scene.acquire({ namespace: `${scene.namespace}-other` });
  });

  test('come back evenly: one token a tenth of a second at ten a second, never more than ten', () => {
    let nowMs = 0;
    const quotas = createQuotas({ store: createMemoryStore(), nowMs: () => nowMs });
    const policy = { ...DEFAULT_POLICY, beginsPerSecond: 10 };
    const take = (): boolean => {
      try {
        quotas.takeBegin(SPACE, policy);
        return true;
      } catch (error) {
        if (error instanceof Rejection) return false;
        throw error;
      }
    };
    const taken = (): number => Array.from({ length: 50 }, take).filter(Boolean).length;
    expect(taken()).toBe(10);
    nowMs = 99;
    expect(taken()).toBe(0);
    nowMs = 101;
    expect(taken()).toBe(1);
    nowMs = 60_000;
    expect(taken()).toBe(10);
  });
});
