// What reading and writing the packs of a Session costs, by protobuf-es and by proto/codec.ts: CPU of one begin + complete, in
// packs of 64 operations, both sides. `node bench/probes/codec.ts`

import { randomBytes, randomUUID } from 'node:crypto';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { readerOf, writerOf } from '../../proto/codec.ts';
import {
  SessionRequestSchema,
  SessionResponseSchema,
  type OperationResultSchema,
  type OperationSchema,
} from '../../proto/gen/onced/v1/idempotency_pb.js';

const INTENTS = 32;
const ROUNDS = 10_000;
const time = timestampFromMs(Date.now());
const span = durationFromMs(30_000);
const place = { namespace: 'bench', key: randomUUID() };

const operations: MessageInitShape<typeof OperationSchema>[] = Array.from({ length: INTENTS }, (_, index) => [
  {
    id: BigInt(2 * index),
    operation: {
      case: 'beginIntent' as const,
      value: {
        ...place,
        fingerprints: [{ scheme: 'sha256-v1', digest: randomBytes(32) }],
        attemptId: randomUUID(),
        owner: 'bench',
        lease: span,
        ttl: span,
      },
    },
  },
  {
    id: BigInt(2 * index + 1),
    operation: {
      case: 'complete' as const,
      value: {
        ...place,
        leaseToken: randomBytes(16),
        result: randomBytes(32),
        contentType: 'application/octet-stream',
      },
    },
  },
]).flat();

const acquired = {
  leaseToken: randomBytes(16),
  fencingToken: BigInt(Date.now()),
  attempt: 1,
  leaseExpireTime: time,
  leaseRemaining: span,
  expireTime: time,
};
const record = {
  ...place,
  state: 2,
  attempt: 1,
  fencingToken: BigInt(Date.now()),
  createTime: time,
  updateTime: time,
  settleTime: time,
  expireTime: time,
  resultExpireTime: time,
};
const results: MessageInitShape<typeof OperationResultSchema>[] = operations.map(({ id = 0n }, index) => ({
  id,
  result:
    index % 2 === 0
      ? { case: 'beginIntent' as const, value: { outcome: { case: 'acquired' as const, value: acquired } } }
      : { case: 'complete' as const, value: { record } },
}));

function cpuUs(work: () => unknown): string {
  const rounds = (): void => {
    for (let round = 0; round < ROUNDS; round += 1) work();
  };
  rounds();
  const before = process.cpuUsage();
  rounds();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / ROUNDS / INTENTS).toFixed(2);
}

const request = create(SessionRequestSchema, { operations });
const response = create(SessionResponseSchema, { results });
const requestBytes = Buffer.from(toBinary(SessionRequestSchema, request));
const responseBytes = Buffer.from(toBinary(SessionResponseSchema, response));
const readRequest = readerOf(SessionRequestSchema);
const readResponse = readerOf(SessionResponseSchema);
const writeRequest = writerOf(SessionRequestSchema);
const writeResponse = writerOf(SessionResponseSchema);
console.table({
  'the server reads': {
    'protobuf-es, µs': cpuUs(() => fromBinary(SessionRequestSchema, requestBytes)),
    'codec.ts, µs': cpuUs(() => readRequest(requestBytes)),
  },
  'the server writes': {
    'protobuf-es, µs': cpuUs(() => toBinary(SessionResponseSchema, response)),
    'codec.ts, µs': cpuUs(() => writeResponse(response)),
  },
  'the client reads': {
    'protobuf-es, µs': cpuUs(() => fromBinary(SessionResponseSchema, responseBytes)),
    'codec.ts, µs': cpuUs(() => readResponse(responseBytes)),
  },
  'the client writes': {
    'protobuf-es, µs': cpuUs(() => toBinary(SessionRequestSchema, request)),
    'codec.ts, µs': cpuUs(() => writeRequest(request)),
  },
});
