// The no-op: an IdempotencyService on the same grpc-js stack as Onced that answers every begin and complete at once, unary
// and packed, with answers of the same size. What it costs is what gRPC costs; the rest is Onced's own.

import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  BeginIntentResponseSchema,
  CompleteResponseSchema,
  IdempotencyService,
  OperationResultSchema,
  SessionResponseSchema,
  type BeginIntentRequest,
  type BeginIntentResponse,
  type CompleteRequest,
  type CompleteResponse,
  type OperationResult,
  type SessionRequest,
  type SessionResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import { grpcDefinition } from '../../proto/grpc.ts';

const LEASE = { seconds: 30n, nanos: 0 };
const TOKEN = Buffer.alloc(16, 7);

function beginResponse(): BeginIntentResponse {
  const nowMs = Date.now();
  return create(BeginIntentResponseSchema, {
    outcome: {
      case: 'acquired',
      value: {
        leaseToken: TOKEN,
        fencingToken: BigInt(nowMs),
        attempt: 1,
        leaseExpireTime: timestampFromMs(nowMs + 30_000),
        leaseRemaining: LEASE,
        expireTime: timestampFromMs(nowMs + 86_430_000),
      },
    },
  });
}

function completeResponse({ namespace, key }: CompleteRequest): CompleteResponse {
  const nowMs = Date.now();
  const time = timestampFromMs(nowMs);
  const expireTime = timestampFromMs(nowMs + 86_400_000);
  return create(CompleteResponseSchema, {
    record: {
      namespace,
      key,
      state: IntentState.COMPLETED,
      attempt: 1,
      fencingToken: BigInt(nowMs),
      createTime: time,
      updateTime: time,
      settleTime: time,
      expireTime,
      resultExpireTime: expireTime,
    },
  });
}

type Result = NonNullable<MessageInitShape<typeof OperationResultSchema>['result']>;

function answerOf(operation: SessionRequest['operations'][number]): OperationResult {
  const asked = operation.operation;
  const result: Result =
    asked.case === 'complete'
      ? { case: 'complete', value: completeResponse(asked.value) }
      : { case: 'beginIntent', value: beginResponse() };
  return create(OperationResultSchema, { id: operation.id, result });
}

const server = new Server({ 'grpc.max_receive_message_length': 4 * 1024 * 1024 });
server.addService(grpcDefinition(IdempotencyService), {
  beginIntent: (
    _call: ServerUnaryCall<BeginIntentRequest, BeginIntentResponse>,
    answer: sendUnaryData<BeginIntentResponse>,
  ) => answer(null, beginResponse()),
  complete: (call: ServerUnaryCall<CompleteRequest, CompleteResponse>, answer: sendUnaryData<CompleteResponse>) =>
    answer(null, completeResponse(call.request)),
  session: (stream: ServerDuplexStream<SessionRequest, SessionResponse>) => {
    stream.on('data', ({ operations }: SessionRequest) => {
      stream.write(create(SessionResponseSchema, { results: operations.map(answerOf) }));
    });
    stream.on('error', () => undefined);
    stream.on('end', () => stream.end());
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});
process.on('SIGTERM', () => process.exit(0));
