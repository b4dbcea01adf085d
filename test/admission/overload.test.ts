// A server under more load than it takes, over gRPC: what is refused has not touched the store, holders get through, and
// those who only wait are in nobody's way.

import { randomUUID } from 'node:crypto';
import { status as Code } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { limits } from '../../server/limits.ts';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { bytes, ms, openScene, refusal, type RpcScene } from '../rpc/scene.ts';

/** Counts what reaches it. */
function countingStore() {
  const inner = createMemoryStore();
  let touches = 0;
  const counted = async <T>(call: () => Promise<T>): Promise<T> => {
    touches += 1;
    return call();
  };
  const store: Store = {
    ...inner,
    claim: async (...args) => counted(async () => inner.claim(...args)),
    settle: async (...args) => counted(async () => inner.settle(...args)),
    read: async (...args) => counted(async () => inner.read(...args)),
  };
  return { store, touches: () => touches };
}

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within 30 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Takes all places, as if as many operations were at the store; returns the way to give one back. */
function fill({ server }: RpcScene): () => void {
  const { admission } = server.engine;
  while (admission.state().inFlight < admission.state().limit) admission.enter('begin', 'busy');
  return () => admission.leave('begin');
}

test('what is refused or dropped for load has touched no store, and says when to ask again', async () => {
  const { store, touches } = countingStore();
  await using scene = await openScene({ store });
  const held = await scene.acquire({ key: 'held' });
  const leave = fill(scene);
  const before = touches();
  const hurried = refusal(scene.begin({ key: 'hurried' }, { timeoutMs: 300 }));
  const patient = refusal(scene.begin({ key: 'patient' }));
  const looking = refusal(scene.client.lookup({ namespace: scene.namespace, key: 'held' }));
  expect(await hurried).toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  for (const refused of [await patient, await looking]) {
    expect(refused).toMatchObject({ code: Code.RESOURCE_EXHAUSTED, reason: 'OVERLOADED' });
    expect(refused.retryMs).toBeGreaterThan(0);
    expect(refused.metadata).toMatchObject({ cause: 'waited_too_long' });
  }
  expect(touches()).toBe(before);
  // A holder waits in the same queue, and is done when a place is free.
  const completed = scene.client.complete({ ...scene.holder(held, 'held'), result: bytes('r') });
  await until(() => scene.server.engine.admission.state().queued.settle === 1);
  leave();
  await completed;
  for (const key of ['hurried', 'patient']) {
    const missing = await refusal(scene.client.lookup({ namespace: scene.namespace, key }));
    expect(missing.reason).toBe('INTENT_NOT_FOUND');
  }
  const { counters } = await scene.server.metrics.figures();
  const refused = counters.filter(({ name }) => name === 'onced_admission_refused_total');
  expect(refused.map(({ labels, value }) => [labels['class'], labels['cause'], value])).toEqual(
    expect.arrayContaining([
      ['begin', 'waited_too_long', 1],
      ['look', 'waited_too_long', 1],
    ]),
  );
});

test('begins that wait for a key and those who follow one keep no place from others', async () => {
  await using scene = await openScene();
  const { admission } = scene.server.engine;
  const keys = Array.from({ length: 8 }, (_, index) => `k-${index}`);
  const leases = await Promise.all(keys.map(async (key) => scene.acquire({ key })));
  const waiting = keys.flatMap((key) =>
    Array.from({ length: 100 }, async () =>
      scene.begin({ key, attemptId: randomUUID(), wait: ms(30_000) }, { timeoutMs: 60_000 }),
    ),
  );
  const waiters = async (): Promise<number> =>
    (await scene.server.metrics.figures()).counters.find(({ name }) => name === 'onced_waiters')?.value ?? 0;
  while ((await waiters()) < waiting.length) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(admission.state()).toMatchObject({ inFlight: 0, queued: { begin: 0 } });
  await scene.acquire({ key: 'other' });
  for (const [index, lease] of leases.entries()) {
    await scene.client.complete({ ...scene.holder(lease, keys[index]), result: bytes('r') });
  }
  const outcomes = await Promise.all(waiting);
  expect(outcomes.every(({ outcome }) => outcome.case === 'completed')).toBe(true);
  await until(() => admission.state().inFlight === 0);
});

test('as many follow keys of one namespace as may, the next is refused, and one who leaves makes room', async () => {
  await using scene = await openScene();
  const { admission } = scene.server.engine;
  const ends = Array.from({ length: limits.followersPerNamespaceMax }, () => admission.openStream('look', 'a'));
  expect(() => admission.openStream('look', 'a')).toThrow(/streams/);
  admission.openStream('look', 'b')();
  ends[0]?.();
  admission.openStream('look', 'a')();
  const bulk = Array.from({ length: limits.bulkStreamsMax }, () => admission.openStream('admin', 'a'));
  expect(() => admission.openStream('admin', 'b')).toThrow(/streams/);
  bulk[0]?.();
  admission.openStream('admin', 'b')();
});
