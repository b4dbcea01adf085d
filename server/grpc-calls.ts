// One call: metadata bounded, bytes that are no message answered as such, deadline and hang-up handed on.

import { once } from 'node:events';
import { Metadata, type status as Code } from '@grpc/grpc-js';
import type { MethodDefinition, sendUnaryData, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import type { DescMethod, Message } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import type { CallContext, Engine } from './context.ts';
import { invalidFields, Rejection, statusBytes, statusOf, type CallOver } from './errors.ts';
import { execute, executeStream, type Answer } from './execute.ts';
import { limits } from './limits.ts';
import type { StreamOperation, UnaryOperation } from './operations.ts';
import { ANONYMOUS } from './principal.ts';

/** Stands in for a request whose bytes are no message of its type; grpc-js would answer INTERNAL by itself. */
export class MalformedRequest {
  readonly rejection: Rejection;

  constructor(cause: unknown) {
    const what = cause instanceof Error ? cause.message.slice(0, 120) : 'unreadable';
    this.rejection = invalidFields([{ field: 'request', description: `is not a message of this call (${what})` }]);
  }
}

/** The method with a reader that never throws. */
export function tolerant<Request, Response>(
  method: MethodDefinition<Request, Response>,
): { requestDeserialize: (bytes: Buffer) => Request | MalformedRequest } {
  return {
    requestDeserialize: (bytes) => {
      try {
        return method.requestDeserialize(bytes);
      } catch (error) {
        return new MalformedRequest(error);
      }
    },
  };
}

export interface CallOptions {
  readonly engine: Engine;
  readonly log: Logger;
  readonly method: DescMethod;
}

type UnaryCall = ServerUnaryCall<Message | MalformedRequest, Message>;
type StreamCall = ServerWritableStream<Message | MalformedRequest, Message>;

export function unaryHandler(options: CallOptions, operation: UnaryOperation) {
  const { log, method } = options;
  return (call: UnaryCall, callback: sendUnaryData<Message>): void => {
    const request = readRequest(call);
    if (request instanceof Rejection) {
      callback(serviceError(request));
      return;
    }
    void execute(options, operation, { name: method.localName, request, call: contextOf(call) })
      .catch((error: unknown): Answer => {
        // execute never rejects; without this a mistake there would leave the caller hanging until its deadline.
        log.error({ err: error }, 'a call was not answered by its operation');
        return { ok: false, error: new Rejection('INTERNAL', 'internal error') };
      })
      .then((answer) => respond(answer, callback));
  };
}

function respond(answer: Answer, callback: sendUnaryData<Message>): void {
  if (answer.ok) callback(null, answer.response);
  else callback(serviceError(answer.error));
}

export function streamHandler(options: CallOptions, operation: StreamOperation) {
  return (stream: StreamCall): void => {
    const request = readRequest(stream);
    if (request instanceof Rejection) {
      breakOff(stream, request);
      return;
    }
    const execution = { name: options.method.localName, request, call: contextOf(stream) };
    // A reader that is slow holds the next answer back; one that is gone ends the wait by its hang-up.
    const send = async (response: Message): Promise<void> => {
      if (!stream.write(response)) await once(stream, 'drain', { signal: execution.call.signal });
    };
    void executeStream(options, operation, execution, send).then((error) => {
      if (error === undefined) stream.end();
      else breakOff(stream, error);
    });
  };
}

/** Ends a stream with an error. */
export function breakOff(stream: { destroy(error: Error): void }, error: Rejection | CallOver): void {
  stream.destroy(Object.assign(new Error(error.message), serviceError(error)));
}

function readRequest(call: {
  readonly metadata: Metadata;
  readonly request: Message | MalformedRequest;
}): Message | Rejection {
  const refused = refusalOf(call.metadata);
  if (refused !== undefined) return refused;
  return call.request instanceof MalformedRequest ? call.request.rejection : call.request;
}

/** Why a call with such metadata is not taken; undefined when it is. */
export function refusalOf(metadata: Metadata): Rejection | undefined {
  const metadataBytes = bytesOf(metadata);
  if (metadataBytes <= limits.metadataBytesMax) return undefined;
  const description = `must be at most ${limits.metadataBytesMax} bytes in all, found ${metadataBytes}`;
  return invalidFields([{ field: 'metadata', description }]);
}

function bytesOf(metadata: Metadata): number {
  let bytes = 0;
  for (const name of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(name)) bytes += name.length + value.length;
  }
  return bytes;
}

/** A caller's hang-up and deadline, as operations want them. */
function contextOf(call: UnaryCall | StreamCall): CallContext & { signal: AbortSignal } {
  const deadline = Number(call.getDeadline());
  const controller = new AbortController();
  call.once('cancelled', () => controller.abort());
  return {
    deadlineMs: Number.isFinite(deadline) ? performance.now() + (deadline - Date.now()) : undefined,
    signal: controller.signal,
    principal: ANONYMOUS,
  };
}

export function serviceError(error: Rejection | CallOver): { code: Code; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  if (error instanceof Rejection) metadata.set('grpc-status-details-bin', statusBytes(statusOf(error)));
  return { code: error.code, details: error.message, metadata };
}

/** For calls of the API that this server does not have, unary or streaming. */
export function unimplementedHandler(method: DescMethod) {
  const rejection = new Rejection('UNIMPLEMENTED', `this server does not have ${method.name}; see GetServerInfo`);
  const isStreaming = method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming';
  return isStreaming
    ? (call: { destroy(error: Error): void }): void => breakOff(call, rejection)
    : (_call: unknown, callback: sendUnaryData<Message>): void => callback(serviceError(rejection));
}
