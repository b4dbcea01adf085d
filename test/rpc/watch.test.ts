// WatchIntent: the record now, each change, the outcome; cheap for many, bounded for the slow.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, makeGenericClientConstructor, type Client, type ServiceError } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { FailKind, IdempotencyService, type WatchIntentResponse } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import { grpcDefinition } from '../../proto/grpc.ts';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { openManaged, watch, type Managed } from './managed.ts';
import { bytes, ms, refusalOf } from './scene.ts';

interface Following {
  readonly seen: WatchIntentResponse[];
  readonly ended: Promise<ServiceError | undefined>;
  cancel(): void;
}

function follow(client: { readonly raw: Client }, id: { namespace: string; key: string }): Following {
  const stream = watch(client, id);
  const seen: WatchIntentResponse[] = [];
  stream.on('data', (message: WatchIntentResponse) => seen.push(message));
  const ended = new Promise<ServiceError | undefined>((resolve) => {
    stream.on('error', (error: ServiceError) => resolve(error));
    stream.on('end', () => resolve(undefined));
  });
  return { seen, ended, cancel: () => stream.cancel() };
}

const statesOf = ({ seen }: Following): (string | undefined)[] =>
  seen.map(({ record }) => IntentState[record?.summary?.state ?? 0]);

async function until(condition: () => boolean, msMax = 5000): Promise<void> {
  const endMs = performance.now() + msMax;
  while (!condition() && performance.now() < endMs) await sleep(5);
  expect(condition()).toBe(true);
}

function countingReads(): { readonly store: Store; readonly reads: () => number } {
  const memory = createMemoryStore();
  let reads = 0;
  const read: Store['read'] = async (request, options) => {
    reads += 1;
    return memory.read(request, options);
  };
  return { store: { ...memory, read }, reads: () => reads };
}

const idOf = ({ namespace }: Managed): { namespace: string; key: string } => ({ namespace, key: 'order-1' });

describe('whoever follows a key', () => {
  test('sees it as it is, each change, the outcome with its result, and then the end', async () => {
    await using scene = await openManaged();
    const first = await scene.acquire();
    const following = follow(scene.client, idOf(scene));
    await until(() => following.seen.length === 1);
    await scene.client.checkpoint({ ...scene.holder(first), data: bytes('secret step') });
    await until(() => following.seen.length === 2);
    await scene.client.fail({ ...scene.holder(first), kind: FailKind.RETRYABLE });
    await until(() => following.seen.length === 3);
    const second = await scene.acquire();
    await until(() => following.seen.length === 4);
    await scene.client.complete({ ...scene.holder(second), result: bytes('done') });
    expect(await following.ended).toBeUndefined();
    expect(statesOf(following)).toEqual(['IN_PROGRESS', 'IN_PROGRESS', 'RELEASED', 'IN_PROGRESS', 'COMPLETED']);
    const last = following.seen.at(-1);
    expect(last?.final).toBe(true);
    expect(Buffer.from(last?.record?.result ?? []).toString()).toBe('done');
    expect(following.seen.every(({ record }) => record?.checkpoint === undefined)).toBe(true);
  });

  test('gets an outcome of long ago at once, and the end', async () => {
    await using scene = await openManaged();
    await scene.client.complete({ ...scene.holder(await scene.acquire()), result: bytes('done') });
    const following = follow(scene.client, idOf(scene));
    expect(await following.ended).toBeUndefined();
    expect(statesOf(following)).toEqual(['COMPLETED']);
  });

  test('is told when there is nothing to follow', async () => {
    await using scene = await openManaged();
    const error = await follow(scene.client, idOf(scene)).ended;
    expect(error === undefined ? undefined : refusalOf(error).reason).toBe('INTENT_NOT_FOUND');
  });

  test('sees through another server what happens, and that a lease lapsed', async () => {
    await using scene = await openManaged({ servers: 2 });
    const other = scene.servers[1] ?? scene.server;
    const lease = await scene.acquire({ lease: ms(5000) });
    const following = follow(other.client, idOf(scene));
    await until(() => following.seen.length === 1);
    scene.advance(5000);
    await until(() => statesOf(following).includes('ORPHANED'));
    await scene.client.complete({ ...scene.holder(lease), result: bytes('late') });
    expect(await following.ended).toBeUndefined();
    expect(statesOf(following)).toEqual(['IN_PROGRESS', 'ORPHANED', 'COMPLETED']);
  });
});

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
