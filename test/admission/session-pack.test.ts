// A Session message of which a part is refused without being read.

import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import {
  OperationSchema,
  SessionRequestSchema,
  SessionResponseSchema,
  type Operation,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.js';
import { overloadRejection } from '../../server/admission/refusals.ts';
import { statusOf } from '../../server/errors.ts';
import { readRefusing } from '../../server/session-pack.ts';

const REFUSAL = overloadRejection('begin', 'queue_full', 100);

type Asked = NonNullable<MessageInitShape<typeof OperationSchema>['operation']>;
const begin = (namespace: string): Asked => ({ case: 'beginIntent', value: { namespace, key: 'k', attemptId: 'a' } });
const lookup = (namespace: string): Asked => ({ case: 'lookup', value: { namespace, key: 'k' } });
const complete: Asked = { case: 'complete', value: { namespace: 'noisy', key: 'k', leaseToken: new Uint8Array(16) } };

/** In the order of their ids, from 1. */
function read(asked: readonly Asked[]) {
  const operations = asked.map((operation, index) => ({ id: BigInt(index + 1), operation, timeoutMs: 5 }));
  const bytes = toBinary(SessionRequestSchema, create(SessionRequestSchema, { operations }));
  const events: string[] = [];
  const taken: Operation[] = [];
  const refusals = readRefusing(bytes, {
    refuse(load, namespace, rpc) {
      events.push(`${rpc} ${load} ${namespace}`);
      return namespace === 'noisy' ? REFUSAL : undefined;
    },
    take(operation) {
      events.push(`taken ${operation.id}`);
      taken.push(operation);
    },
  });
  const results = refusals === undefined ? [] : fromBinary(SessionResponseSchema, refusals).results;
  return { events, taken, results };
}

test('begins and lookups are asked for, in order with what is taken; holders are taken unasked', () => {
  const { events, taken } = read([begin('noisy'), complete, lookup('quiet'), begin('quiet'), lookup('noisy')]);
  expect(events).toEqual([
    'beginIntent begin noisy',
    'taken 2',
    'lookup look quiet',
    'taken 3',
    'beginIntent begin quiet',
    'taken 4',
    'lookup look noisy',
  ]);
  expect(taken.map(({ operation, timeoutMs }) => [operation.case, timeoutMs])).toEqual([
    ['complete', 5],
    ['lookup', 5],
    ['beginIntent', 5],
  ]);
});

test('a refusal is what the operation would have been answered in full', () => {
  const { results } = read([begin('noisy'), begin('quiet'), begin('noisy')]);
  expect(results.map(({ id }) => id)).toEqual([1n, 3n]);
  for (const { result } of results) {
    if (result.case !== 'error') expect.fail(`refused with ${result.case}`);
    expect(toBinary(StatusSchema, result.value)).toEqual(toBinary(StatusSchema, statusOf(REFUSAL)));
  }
});

test('an operation without a request is taken, bytes that are no message throw', () => {
  expect(read([{ case: undefined }]).events).toEqual(['taken 1']);
  const reader = { refuse: () => undefined, take: () => undefined };
  expect(() => readRefusing(Buffer.from([0x0a, 0x7f, 1]), reader)).toThrow();
  expect(() =>
    readRefusing(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), reader),
  ).toThrow();
});
