// WatchIntent is cheap for many and bounded for the slow. What holds for every store is in features/watch.ts.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, makeGenericClientConstructor, type Client } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { IdempotencyService, type WatchIntentResponse } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { grpcDefinition } from '../../proto/grpc.ts';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { follow, idOf, until } from './follow.ts';
import { openManaged, watch } from './managed.ts';
import { bytes } from './scene.ts';

function countingReads(): { readonly store: Store; readonly reads: () => number } {
  const memory = createMemoryStore();
  let reads = 0;
  const read: Store['read'] = async (request, options) => {
    reads += 1;
    return memory.read(request, options);
  };
  return { store: { ...memory, read }, reads: () => reads };
}

test('2,000 who follow one key cost one read a poll, and all get the outcome', async () => {
  const counting = countingReads();
  await using scene = await openManaged({ store: counting.store });
  const lease = await scene.acquire();
  // A connection carries 1,000 streams.
  const connections = Array.from({ length: 4 }, () => connectAlone(scene.server.address));
  const all = connections.flatMap((raw) => Array.from({ length: 500 }, () => follow({ raw }, idOf(scene))));
  await until(() => all.every(({ seen }) => seen.length === 1), 15_000);
  const before = counting.reads();
  await sleep(3000);
  const polled = counting.reads() - before;
  expect(polled).toBeGreaterThanOrEqual(2);
  expect(polled).toBeLessThanOrEqual(5);
  await scene.client.complete({ ...scene.holder(lease), result: bytes('for all') });
  for (const { ended, seen } of all) {
    expect(await ended).toBeUndefined();
    expect(Buffer.from(seen.at(-1)?.record?.result ?? []).toString()).toBe('for all');
  }
  expect(counting.reads() - before - polled).toBeLessThanOrEqual(3);
  for (const raw of connections) raw.close();
}, 40_000);

test('when the last one hangs up, the key is read no more', async () => {
  const counting = countingReads();
  await using scene = await openManaged({ store: counting.store });
  await scene.acquire();
  const following = follow(scene.client, idOf(scene));
  await until(() => following.seen.length === 1);
  following.cancel();
  await following.ended;
  await sleep(50);
  const before = counting.reads();
  await sleep(1500);
  expect(counting.reads()).toBe(before);
});

test('a reader that stands still misses what came in between and gets the latest', async () => {
  const labels = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`l${index}`, 'x'.repeat(256)]));
  await using scene = await openManaged();
  const lease = await scene.acquire({ labels });
  const stream = watch(scene.client, idOf(scene));
  await once(stream, 'readable');
  const changes = 1500;
  for (let change = 0; change < changes; change += 1) {
    await scene.client.checkpoint({ ...scene.holder(lease), data: bytes(String(change)) });
  }
  await scene.client.complete({ ...scene.holder(lease), result: bytes('latest') });
  const seen: WatchIntentResponse[] = [];
  for await (const message of stream) seen.push(message as WatchIntentResponse);
  expect(seen.length).toBeLessThan(changes / 5);
  expect(Buffer.from(seen.at(-1)?.record?.result ?? []).toString()).toBe('latest');
});

/** grpc-js shares connections by address unless told otherwise. */
function connectAlone(address: string): Client {
  const RawClient = makeGenericClientConstructor(grpcDefinition(IdempotencyService), IdempotencyService.typeName);
  return new RawClient(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
}
