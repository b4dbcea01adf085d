// Follows a key over a server stream, and opens a new one when it breaks: the first answer is always the record as it is.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ServiceError } from '@grpc/grpc-js';
import {
  IdempotencyService,
  WatchIntentRequestSchema,
  WatchIntentResponseSchema,
  type WatchIntentRequest,
  type WatchIntentResponse,
} from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { intentRecord } from './answers.ts';
import type { Caller } from './caller.ts';
import { closed } from './error-table.ts';
import { OncedError } from '../errors.ts';
import { text } from './fields.ts';
import { backoffMs, onAbort, sleep } from '../signals.ts';
import { pathOf } from './transport.ts';
import type { WatchEvent } from '../types.ts';
import { errorOfCall } from './status.ts';

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 2_000;
/** Streams in a row that broke without an answer before the caller is told. With the backoff: about ten seconds. */
const BROKEN_MAX = 10;

export async function* watchIntent(
  caller: Caller,
  place: { readonly namespace: string; readonly key: string },
  signal: AbortSignal | undefined,
): AsyncGenerator<WatchEvent, void> {
  const request = create(WatchIntentRequestSchema, {
    namespace: text('namespace', place.namespace),
    key: text('key', place.key),
  });
  for (let broken = 0; ; broken++) {
    try {
      for await (const { record, final: isFinal } of follow(caller, request, signal)) {
        broken = 0;
        if (record !== undefined) yield { record: intentRecord(record), isFinal };
        if (isFinal) return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof OncedError) || !error.isRetryable || broken >= BROKEN_MAX) throw error;
    }
    await sleep(backoffMs({ tries: broken, min: BACKOFF_MS_MIN, max: BACKOFF_MS_MAX }), signal);
  }
}

async function* follow(
  { connection, isClosed }: Caller,
  request: WatchIntentRequest,
  signal: AbortSignal | undefined,
): AsyncGenerator<WatchIntentResponse, void> {
  signal?.throwIfAborted();
  if (isClosed) throw closed();
  const stream = connection.client.makeServerStreamRequest(
    pathOf(IdempotencyService.method.watchIntent),
    (message: WatchIntentRequest) => Buffer.from(toBinary(WatchIntentRequestSchema, message)),
    (bytes) => fromBinary(WatchIntentResponseSchema, bytes),
    request,
    await connection.metadata(),
  );
  const unlisten = signal && onAbort(signal, () => stream.cancel());
  try {
    for await (const response of stream) yield response as WatchIntentResponse;
  } catch (error) {
    throw errorOfCall(error as ServiceError);
  } finally {
    unlisten?.();
    stream.cancel();
  }
}
