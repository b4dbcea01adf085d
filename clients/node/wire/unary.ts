// Calls one by one.

import { fromBinary, toBinary, type Message } from '@bufbuild/protobuf';
import { status as GrpcCode, type ClientUnaryCall, type Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Connection } from './connection.ts';
import { deadlineExceeded, unreachable } from './error-table.ts';
import { onAbort } from '../signals.ts';
import { methodOf, pathOf, type CallName, type Transport, type TryOptions, type UnaryCalls } from './transport.ts';
import { errorOfCall } from './status.ts';

/** Past a call's deadline grpc-js should have ended it; its timers have been seen to fail (grpc-node #2446). */
const OWN_TIMER_MARGIN_MS = 250;

export function createUnary(connection: Connection): Transport<UnaryCalls> {
  return {
    kind: 'unary',
    async call<Name extends CallName>(
      name: Name,
      request: UnaryCalls[Name]['request'],
      options: TryOptions,
    ): Promise<UnaryCalls[Name]['response']> {
      const method = methodOf(name);
      const deadline = Date.now() + options.timeoutMs;
      return once(options, connection, (metadata, callback) =>
        connection.client.makeUnaryRequest(
          pathOf(method),
          (message: Message) => asBuffer(toBinary(method.input, message)),
          (bytes) => fromBinary(method.output, bytes),
          request,
          metadata,
          { deadline },
          callback,
        ),
      ) as Promise<UnaryCalls[Name]['response']>;
    },
    close() {},
  };
}

type Callback = (error: ServiceError | null, response?: Message) => void;
type Start = (metadata: Metadata, callback: Callback) => ClientUnaryCall;

/** One call, settled by whatever comes first: the answer, the own timer, or the signal. */
async function once({ timeoutMs, signal }: TryOptions, connection: Connection, start: Start): Promise<Message> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    let call: ClientUnaryCall | undefined;
    let isOver = false;
    const done = (): void => {
      isOver = true;
      clearTimeout(timer);
      unlisten?.();
    };
    const stop = (reason: unknown): void => {
      done();
      reject(reason);
      call?.cancel();
    };
    const timer = setTimeout(() => {
      connection.noteSilence();
      stop(deadlineExceeded(timeoutMs));
    }, timeoutMs + OWN_TIMER_MARGIN_MS);
    const unlisten = signal && onAbort(signal, () => stop(signal.reason));
    const onEnd: Callback = (error, response) => {
      if (isOver) return;
      done();
      if (error?.code === GrpcCode.DEADLINE_EXCEEDED) connection.noteSilence();
      else connection.noteAnswer();
      if (response !== undefined) resolve(response);
      else reject(error === null ? noResponse() : errorOfCall(error));
    };
    // The credentials' own time counts too.
    void Promise.resolve(connection.metadata())
      .then((metadata) => {
        if (!isOver) call = start(metadata, onEnd);
      })
      .catch(stop);
  });
}

const noResponse = (): Error => unreachable('the call ended without a response');

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
