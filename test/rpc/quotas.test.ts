// Quotas of a namespace over real gRPC, and the rate by an injected clock.

import { describe, expect, test } from 'vitest';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { Rejection } from '../../server/errors.ts';
import { DEFAULT_POLICY } from '../../server/policy.ts';
import { createQuotas } from '../../server/quotas.ts';
import type { Namespace, Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openManaged } from './managed.ts';
import { bytes, ms, refusal } from './scene.ts';

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

describe('keys in progress', () => {
  test('beyond the quota start no attempt until one is settled, while what stands is still answered', async () => {
    await using scene = await openManaged({ policy: { inProgressMax: 2 } });
    const first = await scene.acquire({ key: 'a', attemptId: 'first' });
    await scene.acquire({ key: 'b' });
    const refused = await refusal(scene.begin({ key: 'c' }));
    expect(refused).toMatchObject({ reason: 'QUOTA_EXCEEDED', metadata: { quota: 'in_progress_max', limit: '2' } });
    expect(refused.retryMs).toBeGreaterThan(0);
    expect((await scene.begin({ key: 'b' })).outcome.case).toBe('inProgress');
    expect((await scene.acquire({ key: 'a', attemptId: 'first' })).leaseToken).toEqual(first.leaseToken);
    await scene.client.complete({ ...scene.holder(first, 'a'), result: bytes('r') });
    await scene.acquire({ key: 'c' });
    expect((await scene.begin({ key: 'a' })).outcome.case).toBe('completed');
  });

  test('count what other servers began, within about a second', async () => {
    await using scene = await openManaged({ servers: 2, policy: { inProgressMax: 3 } });
    const other = scene.servers[1]?.client ?? scene.client;
    for (const key of ['a', 'b', 'c']) {
      await other.beginIntent({ namespace: scene.namespace, key, attemptId: key, lease: ms(60_000) });
    }
    expect(await refusal(scene.begin({ key: 'd' }))).toMatchObject({ reason: 'QUOTA_EXCEEDED' });
  });
});

test('records beyond the quota: no new key, but a released one goes on', async () => {
  await using scene = await openManaged({ policy: { recordsMax: 1n } });
  const lease = await scene.acquire({ key: 'a' });
  expect(await refusal(scene.begin({ key: 'b' }))).toMatchObject({
    reason: 'QUOTA_EXCEEDED',
    metadata: { quota: 'records_max', limit: '1' },
  });
  await scene.client.fail({ ...scene.holder(lease, 'a'), kind: FailKind.RETRYABLE });
  expect((await scene.acquire({ key: 'a' })).attempt).toBe(2);
});
