// Whose turn it is: holders before begins before those who wait, within the room that the server gives.

import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { createSessionQueue, turnOf, type Pending } from '../../clients/node/wire/session-queue.ts';
import {
  BeginIntentRequestSchema,
  CompleteRequestSchema,
  LookupRequestSchema,
} from '../../proto/gen/onced/v1/idempotency_pb.js';

const requests = {
  complete: create(CompleteRequestSchema, { key: 'complete' }),
  begin: create(BeginIntentRequestSchema, { key: 'begin' }),
  waiting: create(BeginIntentRequestSchema, { key: 'waiting', wait: durationFromMs(1000) }),
  lookup: create(LookupRequestSchema, { key: 'lookup' }),
};
const names = { complete: 'complete', begin: 'beginIntent', waiting: 'beginIntent', lookup: 'lookup' } as const;

function pendingOf(kind: keyof typeof requests, request: Pending['request'] = requests[kind]): Pending {
  return {
    id: 0,
    name: names[kind],
    request,
    deadlineMs: 1_000,
    timeoutMs: 1_000,
    turn: turnOf(names[kind], request),
    sentMs: undefined,
    isSettled: false,
    unlisten: undefined,
    resolve: () => {},
    reject: () => {},
  };
}

const keysOf = (pack: ReturnType<ReturnType<typeof createSessionQueue>['take']>): string[] =>
  (pack ?? []).map(({ operation }) => operation.value?.key ?? '');

test('all that is queued goes into one pack, holders first and those who wait last', () => {
  const queue = createSessionQueue(100);
  for (const kind of ['waiting', 'begin', 'lookup', 'complete', 'begin'] as const) queue.add(pendingOf(kind));
  expect(keysOf(queue.take(0))).toEqual(['complete', 'begin', 'lookup', 'begin', 'waiting']);
  expect(queue.take(0)).toBeUndefined();
});

test('no more are sent than the server takes, and an answer makes room', () => {
  const queue = createSessionQueue(2);
  const all = [pendingOf('begin'), pendingOf('begin'), pendingOf('begin')];
  for (const pending of all) queue.add(pending);
  expect(keysOf(queue.take(0))).toHaveLength(2);
  expect([queue.unanswered, queue.queued]).toEqual([2, 1]);
  expect(queue.take(0)).toBeUndefined();
  expect(queue.answered(all[0]?.id ?? 0)).toBe(all[0]);
  expect(keysOf(queue.take(0))).toHaveLength(1);
});

test('those who wait take at most half of the room, so that a holder can always get through', () => {
  const queue = createSessionQueue(10);
  for (let count = 0; count < 20; count++) queue.add(pendingOf('waiting'));
  expect(keysOf(queue.take(0))).toHaveLength(5);
  queue.add(pendingOf('complete'));
  expect(keysOf(queue.take(0))).toEqual(['complete']);
});

test('a caller who has left is not sent any more, but a sent one takes room until it is answered', () => {
  const queue = createSessionQueue(1);
  const [left, sent, next] = [pendingOf('begin'), pendingOf('begin'), pendingOf('begin')];
  for (const pending of [left, sent, next]) queue.add(pending);
  left.isSettled = true;
  expect(queue.take(0)?.map(({ id }) => Number(id))).toEqual([sent.id]);
  sent.isSettled = true;
  expect(queue.take(0)).toBeUndefined();
  queue.answered(sent.id);
  expect(queue.take(0)?.map(({ id }) => Number(id))).toEqual([next.id]);
});

test('a late answer is not taken for that of the operation that has its place now', () => {
  const queue = createSessionQueue(1);
  const [first, second] = [pendingOf('begin'), pendingOf('complete')];
  queue.add(first);
  queue.take(0);
  const { id } = first;
  queue.clear();
  queue.add(second);
  queue.take(0);
  expect(queue.answered(id)).toBeUndefined();
  expect([queue.unanswered, queue.answered(second.id)]).toEqual([1, second]);
  expect(queue.answered(second.id)).toBeUndefined();
});

test('a pack is kept below the size of a message', () => {
  const queue = createSessionQueue(100);
  const large = create(CompleteRequestSchema, { result: new Uint8Array(400 * 1024) });
  for (let count = 0; count < 10; count++) queue.add(pendingOf('complete', large));
  expect([queue.take(0), queue.take(0), queue.take(0), queue.take(0)].map((pack) => pack?.length)).toEqual([
    3, 3, 3, 1,
  ]);
});

test('each operation carries the time that is left to it', () => {
  const queue = createSessionQueue(10);
  queue.add(pendingOf('begin'));
  expect(queue.take(400)?.[0]?.timeoutMs).toBe(600);
});

test('everything pending is returned once when the stream breaks', () => {
  const queue = createSessionQueue(1);
  for (let count = 0; count < 3; count++) queue.add(pendingOf('begin'));
  queue.take(0);
  expect(queue.clear()).toHaveLength(3);
  expect([queue.unanswered, queue.queued, queue.clear().length]).toEqual([0, 0, 0]);
});
