// What pages ask before they show a button: who am I, what may I; and the tail, which shows each caller only its own.

import { create } from '@bufbuild/protobuf';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { TailEventsRequestSchema, type TailEvent, type TailEventsResponse } from '../../proto/gen/onced/v1/admin_pb.js';
import { createTail, type TailedCall } from '../../server/tail.ts';
import { metadataOf } from '../support/server.ts';
import { openAuthScene, type AuthScene } from './scene.ts';

test('a caller is told its name, its grants, and what it may do in one namespace and in all', async () => {
  await using scene = await openAuthScene();
  const token = await scene.keyOf({ role: 'reader', pattern: '*' }, { role: 'operator', pattern: 'payments/*' });
  const everywhere = await scene.server.admin.getCaller({}, { token });
  const inPayments = await scene.server.admin.getCaller({ namespace: 'payments/charge' }, { token });
  expect(everywhere.name).toBe('key:test');
  expect(everywhere.grants.map(({ namespacePattern }) => namespacePattern)).toEqual(['*', 'payments/*']);
  expect(everywhere.permissions).toEqual(['lookup', 'watch', 'list', 'stats']);
  expect(inPayments.permissions).toContain('resolve');
  expect(inPayments.permissions).not.toContain('policy');
});

test('a tail shows a call with its outcome as /metrics names it, and nothing of foreign namespaces', async () => {
  await using scene = await openAuthScene();
  const writer = await scene.keyOf({ role: 'writer', pattern: '*' });
  const following = await follow(scene, await scene.keyOf({ role: 'reader', pattern: 'payments' }));
  const begin = { key: 'order-1', attemptId: 'a', owner: 'host-1' };
  await scene.server.client.beginIntent({ namespace: 'other', ...begin }, { token: writer });
  await scene.server.client.beginIntent({ namespace: 'payments', ...begin }, { token: writer });
  await scene.server.client.beginIntent({ namespace: 'payments', ...begin, attemptId: 'b' }, { token: writer });
  await expect.poll(() => following.events.length, { timeout: 10_000 }).toBe(2);
  const seen = following.events.map(({ rpc, namespace, key, outcome, owner }) => [rpc, namespace, key, outcome, owner]);
  expect(seen).toEqual([
    ['BeginIntent', 'payments', 'order-1', 'acquired', 'host-1'],
    ['BeginIntent', 'payments', 'order-1', 'in_progress', 'host-1'],
  ]);
  following.cancel();
  await expect.poll(() => scene.server.engine.tail.isFollowed()).toBe(false);
});

test('who follows too slowly loses events and is told how many', async () => {
  const tail = createTail({ everyMs: 1, keptMax: 2 });
  const ending = new AbortController();
  const principal = { name: 'anonymous', may: () => true };
  const batches = tail.follow({ namespace: '', keyPrefix: 'order-', principal }, ending.signal);
  expect((await batches.next()).value).toEqual({ calls: [], dropped: 0 });
  for (const key of ['order-1', 'invoice-1', 'order-2', 'order-3', 'order-4']) tail.saw({ ...CALL, key });
  const batch = (await batches.next()).value;
  expect([batch?.calls.map(({ key }) => key), batch?.dropped]).toEqual([['order-1', 'order-2'], 2]);
  ending.abort();
  expect((await batches.next()).done).toBe(true);
  expect(tail.isFollowed()).toBe(false);
});

const CALL: TailedCall = {
  timeMs: 0,
  rpc: 'BeginIntent',
  namespace: 'payments',
  key: '',
  outcome: 'acquired',
  owner: '',
  tookMs: 1,
};

/** Resolves once the tail has begun. */
async function follow(scene: AuthScene, token: string): Promise<{ events: TailEvent[]; cancel: () => void }> {
  const { raw } = scene.server.admin;
  const calls = raw as unknown as Record<string, (request: object, metadata: object) => unknown>;
  const stream = calls['tailEvents']?.call(
    raw,
    create(TailEventsRequestSchema),
    metadataOf({ token }),
  ) as ClientReadableStream<TailEventsResponse>;
  const events: TailEvent[] = [];
  stream.on('error', () => undefined);
  await new Promise<void>((resolve) =>
    stream.on('data', (message: TailEventsResponse) => {
      events.push(...message.events);
      resolve();
    }),
  );
  return { events, cancel: () => stream.cancel() };
}
