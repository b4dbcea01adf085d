// One Session stream on the wire: packs out, results in, and the one moment at which it is over.

import type { Client, ClientDuplexStream, Metadata, ServiceError } from '@grpc/grpc-js';
import {
  IdempotencyService,
  SessionRequestSchema,
  SessionResponseSchema,
  type Operation,
  type OperationResult,
} from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { readerOf, writerOf } from '../../../proto/codec.ts';
import { pathOf } from './transport.ts';

export interface StreamEvents {
  onResults(results: readonly OperationResult[]): void;
  /** After `write` returned false: there is room again. */
  onDrain(): void;
  /** Once, and last. Without an error when the server ended the stream in good order. */
  onOver(error: ServiceError | undefined): void;
}

export interface SessionStream {
  /** False: the pack was taken, but nothing more should be written until `onDrain`. */
  write(operations: Operation[]): boolean;
  /** No more packs; results of those sent still come. */
  end(): void;
  /** Over at once. */
  cancel(): void;
}

const requestBytes = writerOf(SessionRequestSchema);
const readResponse = readerOf(SessionResponseSchema);

type Stream = ClientDuplexStream<Operation[], readonly OperationResult[]>;

/** No event comes before this returns. */
export function openStream(client: Client, metadata: Metadata, events: StreamEvents): SessionStream {
  const stream: Stream = client.makeBidiStreamRequest(
    pathOf(IdempotencyService.method.session),
    (operations) => requestBytes({ $typeName: 'onced.v1.SessionRequest', operations }),
    (bytes) => readResponse(bytes).results,
    metadata,
    // No deadline: the stream lives as long as there is work, each operation has a deadline of its own.
    {},
  );
  let isOver = false;
  const over = (error?: ServiceError): void => {
    if (isOver) return;
    isOver = true;
    events.onOver(error);
  };
  stream.on('data', (results: readonly OperationResult[]) => events.onResults(results));
  stream.on('drain', () => events.onDrain());
  stream.on('error', (error: ServiceError) => over(error));
  // After the last result; an error comes before it.
  stream.on('end', () => over());
  return {
    write: (operations) => stream.write(operations),
    end: () => stream.end(),
    cancel: () => stream.cancel(),
  };
}
