// Onced over one Session stream: what is waiting goes into one message.

import { makeGenericClientConstructor, credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  IdempotencyService,
  OperationSchema,
  SessionRequestSchema,
  type Operation,
  type OperationResult,
  type SessionRequest,
  type SessionResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { grpcDefinition } from '../../proto/grpc.ts';
import { createSentOperations, type Sent, type SentOperations } from '../../clients/node/wire/sent-operations.ts';
import type { Driver } from './driver.ts';
import { prepare, type Calls } from './onced.ts';

type Asked = NonNullable<MessageInitShape<typeof OperationSchema>['operation']>;
interface Waiting extends Sent {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export async function connect(target: string): Promise<Driver> {
  const Client = makeGenericClientConstructor(grpcDefinition(IdempotencyService), 'IdempotencyService');
  const client = new Client(target, credentials.createInsecure());
  const open = (client as unknown as Record<string, () => ClientDuplexStream<SessionRequest, SessionResponse>>)[
    'session'
  ];
  const stream = open?.call(client);
  if (stream === undefined) throw new Error('no session');
  const waiting = createSentOperations<Waiting>();
  let queue: Operation[] = [];

  const flush = (): void => {
    const waitingNow = queue;
    queue = [];
    for (let from = 0; from < waitingNow.length;) {
      const operations = firstFitting(waitingNow, from);
      from += operations.length;
      stream.write(create(SessionRequestSchema, { operations }));
    }
  };
  const ask = async <Response>(operation: Asked): Promise<Response> =>
    new Promise<unknown>((resolve, reject) => {
      const caller: Waiting = { id: 0, resolve, reject };
      waiting.add(caller);
      queue.push(create(OperationSchema, { id: BigInt(caller.id), operation }));
      if (queue.length === 1) setImmediate(flush);
    }) as Promise<Response>;
  stream.on('data', ({ results }: SessionResponse) => {
    for (const result of results) settle(waiting, result);
  });
  stream.on('error', (error) => {
    for (const { reject } of waiting.all()) reject(error);
    waiting.clear();
  });

  const calls: Calls = {
    begin: (value) => ask({ case: 'beginIntent', value }),
    complete: (value) => ask({ case: 'complete', value }),
    lookup: (value) => ask({ case: 'lookup', value }),
  };
  return { prepare: (work) => prepare(calls, work) };
}

/** A message takes 4 MiB at most; results of 64 KiB reach that with 64 operations. */
const RESULT_BYTES_PER_MESSAGE = 1024 * 1024;

function firstFitting(operations: readonly Operation[], from: number): Operation[] {
  let bytes = 0;
  const over = operations.findIndex(({ operation }, index) => {
    if (index < from) return false;
    bytes += operation.case === 'complete' ? operation.value.result.length : 0;
    return bytes > RESULT_BYTES_PER_MESSAGE;
  });
  return operations.slice(from, over === -1 ? undefined : Math.max(over, from + 1));
}

function settle(waiting: SentOperations<Waiting>, { id, result }: OperationResult): void {
  const caller = waiting.remove(Number(id));
  if (result.case === 'error') caller?.reject(new Error(result.value.message));
  else caller?.resolve(result.value);
}
