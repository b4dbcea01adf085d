// Deadlines, hang-ups and drains: what is over writes nothing, what is known is not lost.

import { setTimeout as sleep } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { faultyStore } from '../support/faulty-store.ts';
import { narrowStore } from '../support/narrow-store.ts';
import { bytes, openScene, refusal } from './scene.ts';

/** A real store whose verbs wait until they are let go, as behind a slow disk; a signal that fires meanwhile counts. */
function slow(): { store: Store; hold: () => void; letGo: () => void } {
  const store = createMemoryStore();
  let gate: Promise<void> = Promise.resolve();
  let letGo: () => void = () => undefined;
  return {
    store: {
      ...store,
      async claim(request, options) {
        await gate;
        return store.claim(request, options);
      },
      async settle(request, options) {
        await gate;
        return store.settle(request, options);
      },
    },
    hold: () => void (gate = new Promise((resolve) => (letGo = resolve))),
    letGo: () => letGo(),
  };
}

describe('a call', () => {
  test('whose deadline passes before the store is asked writes nothing', async () => {
    const { store, hold, letGo } = slow();
    await using scene = await openScene({ store });
    hold();
    const refused = await refusal(scene.begin({}, { timeoutMs: 100 }));
    expect(refused.code).toBe(Code.DEADLINE_EXCEEDED);
    await sleep(50);
    letGo();
    const found = await refusal(scene.client.lookup({ namespace: scene.namespace, key: 'order-1' }));
    expect(found.reason).toBe('INTENT_NOT_FOUND');
  });

  test('with less time left than the store takes is over at once, and the store is not asked', async () => {
    const faulty = faultyStore(narrowStore(createMemoryStore(), { atATime: 100, verbMs: 300 }));
    await using scene = await openScene({ store: faulty.store });
    await Promise.all(Array.from({ length: 100 }, async (_, index) => scene.begin({ key: `before-${index}` })));
    const before = faulty.writes();
    expect((await refusal(scene.begin({}, { timeoutMs: 100 }))).code).toBe(Code.DEADLINE_EXCEEDED);
    await sleep(200);
    expect(faulty.writes()).toBe(before);
  });

  test('that is hung up before the store is asked writes nothing', async () => {
    const { store, hold, letGo } = slow();
    await using scene = await openScene({ store });
    hold();
    const hangUp = new AbortController();
    const call = refusal(scene.begin({}, { signal: hangUp.signal }));
    await sleep(50);
    hangUp.abort();
    expect((await call).code).toBe(Code.CANCELLED);
    await sleep(50);
    letGo();
    const found = await refusal(scene.client.lookup({ namespace: scene.namespace, key: 'order-1' }));
    expect(found.reason).toBe('INTENT_NOT_FOUND');
  });

  test('that completes lands even when it is hung up: the outcome is known and must not get lost', async () => {
    const { store, hold, letGo } = slow();
    await using scene = await openScene({ store });
    const holder = scene.holder(await scene.acquire());
    hold();
    const hangUp = new AbortController();
    const call = refusal(scene.client.complete({ ...holder, result: bytes('kept') }, { signal: hangUp.signal }));
    await sleep(50);
    hangUp.abort();
    await call;
    letGo();
    const { outcome } = await scene.begin();
    expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).toString()).toBe('kept');
  });
});

describe('a drain', () => {
  test('lets calls in flight finish and takes no more', async () => {
    const { store, hold, letGo } = slow();
    const scene = await openScene({ store });
    await scene.acquire({ key: 'warm' });
    hold();
    const inFlight = Array.from({ length: 50 }, async (_, index) => scene.begin({ key: `k-${index}` }));
    await sleep(100);
    scene.server.listener.stopServing();
    const drained = scene.server.listener.drain(5000);
    letGo();
    for (const { outcome } of await Promise.all(inFlight)) expect(outcome.case).toBe('acquired');
    await drained;
    expect((await refusal(scene.begin({ key: 'late' }, { timeoutMs: 500 }))).code).not.toBe(Code.OK);
    await scene[Symbol.asyncDispose]();
  });
});
