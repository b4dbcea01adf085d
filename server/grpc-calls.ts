// One call: metadata bounded, bytes that are no message answered as such, deadline and hang-up handed on.

import { once } from 'node:events';
import { Metadata, type status as Code } from '@grpc/grpc-js';
import type { MethodDefinition, sendUnaryData, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import type { DescMethod, Message } from '@bufbuild/protobuf';
import type { ServerSurfaceCall } from '@grpc/grpc-js/build/src/server-call.js';
import { identifyAgainOf } from './auth/still-identified.ts';
import { invalidFields, Rejection, statusBytes, type CallOver } from './errors.ts';
import { answerable, execute, executeStream, type Answer, type Answering, type Execution } from './execute.ts';
import { limits } from './limits.ts';
import type { StreamOperation, UnaryOperation } from './operations.ts';
import { everybodyIsAnonymous, type Evidence, type Identify, type Principal } from './principal.ts';

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

export interface CallOptions extends Answering {
  readonly method: DescMethod;
  readonly identify: Identify;
}

type UnaryCall = ServerUnaryCall<Message | MalformedRequest, Message>;
type StreamCall = ServerWritableStream<Message | MalformedRequest, Message>;

export function unaryHandler(options: CallOptions, operation: UnaryOperation) {
  return (call: UnaryCall, callback: sendUnaryData<Message>): void => {
    void answerTo(options, operation, call).then((answer) => respond(answer, callback));
  };
}

async function answerTo(options: CallOptions, operation: UnaryOperation, call: UnaryCall): Promise<Answer> {
  const hangUp = listenForHangUp(call);
  try {
    const execution = takeCall(options, call, hangUp);
    return await execute(options, operation, execution instanceof Promise ? await execution : execution);
  } catch (error) {
    // Without this a mistake would leave the caller hanging until its deadline.
    return { ok: false, error: answerable(error, options.log) };
  } finally {
    hangUp.isAnswered = true;
  }
}

function respond(answer: Answer, callback: sendUnaryData<Message>): void {
  if (answer.ok) callback(null, answer.response);
  else callback(serviceError(answer.error));
}

export function streamHandler(options: CallOptions, operation: StreamOperation) {
  return (stream: StreamCall): void => {
    sendAll(options, operation, stream).then(
      () => stream.end(),
      (error: unknown) => breakOff(stream, answerable(error, options.log)),
    );
  };
}

async function sendAll(options: CallOptions, operation: StreamOperation, stream: StreamCall): Promise<void> {
  const execution = await takeCall(options, stream, listenForHangUp(stream));
  for await (const response of executeStream(options, operation, execution)) {
    // A reader that is slow holds the next answer back; one that is gone ends the wait by its hang-up.
    if (!stream.write(response)) await once(stream, 'drain', { signal: execution.call.signal });
  }
}

const NOTHING_SHOWN: Evidence = { authorization: undefined, peer: '', certificate: undefined };

type CallExecution = Execution & { readonly call: { readonly signal: AbortSignal } };

/**
 * What the call asks and who asks it; a promise only where that has to be looked up, since each costs every call. Throws, or
 * rejects with, the rejection of one that cannot be taken as it came.
 */
function takeCall(
  { method, identify }: CallOptions,
  call: UnaryCall | StreamCall,
  hangUp: HangUp,
): CallExecution | Promise<CallExecution> {
  assertTakeable(call.metadata);
  const { request } = call;
  if (request instanceof MalformedRequest) throw request.rejection;
  // A server without credentials asks for nothing.
  const evidence = identify === everybodyIsAnonymous ? NOTHING_SHOWN : evidenceOf(call);
  const identifyAgain = identifyAgainOf(identify, evidence);
  const executionOf = (principal: Principal): CallExecution => ({
    name: method.localName,
    request,
    call: { deadlineMs: deadlineOf(call), signal: hangUp.signal, principal },
    identifyAgain,
  });
  const principal = identify(evidence);
  return principal instanceof Promise ? principal.then(executionOf) : executionOf(principal);
}

/** What a call shows of its caller. No getters: an object literal with them costs a hidden class of its own for each call. */
export function evidenceOf(call: ServerSurfaceCall): Evidence {
  const [authorization] = call.metadata.get('authorization');
  return {
    authorization: typeof authorization === 'string' ? authorization : undefined,
    peer: call.getPeer(),
    certificate: call.getAuthContext().sslPeerCertificate,
  };
}

/** Ends a stream with an error. Not destroy(): grpc-js would send no status, and the caller would wait for ever. */
export function breakOff(stream: { emit(event: 'error', error: Error): boolean }, error: Rejection | CallOver): void {
  stream.emit('error', Object.assign(new Error(error.message), serviceError(error)));
}

/** Throws when the metadata is larger than anything that we would read. */
export function assertTakeable(metadata: Metadata): void {
  const metadataBytes = bytesOf(metadata);
  if (metadataBytes <= limits.metadataBytesMax) return;
  const description = `must be at most ${limits.metadataBytesMax} bytes in all, found ${metadataBytes}`;
  throw invalidFields([{ field: 'metadata', description }]);
}

function bytesOf(metadata: Metadata): number {
  let bytes = 0;
  for (const name of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(name)) bytes += name.length + value.length;
  }
  return bytes;
}

interface HangUp {
  readonly signal: AbortSignal;
  /** Nobody has to hear of what comes after. */
  isAnswered: boolean;
}

/** One for all: an own error for each costs a stack trace. */
const HUNG_UP = new Error('the caller hung up');

function listenForHangUp(call: UnaryCall | StreamCall): HangUp {
  const controller = new AbortController();
  const hangUp: HangUp = { signal: controller.signal, isAnswered: false };
  call.once('cancelled', () => {
    // grpc-js says so at the end of answered calls too, and telling whoever listened costs more than to be answered did.
    if (!hangUp.isAnswered) controller.abort(HUNG_UP);
  });
  return hangUp;
}

/** On the monotonic clock. */
function deadlineOf(call: UnaryCall | StreamCall): number | undefined {
  const deadline = Number(call.getDeadline());
  return Number.isFinite(deadline) ? performance.now() + (deadline - Date.now()) : undefined;
}

export function serviceError(error: Rejection | CallOver): { code: Code; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  if (error instanceof Rejection) {
    metadata.set('grpc-status-details-bin', statusBytes(error));
    const { retryAfterMs } = error.detail;
    // What clients with a retry policy of gRPC's own (A6) heed instead of RetryInfo.
    if (retryAfterMs !== undefined) metadata.set('grpc-retry-pushback-ms', String(Math.ceil(retryAfterMs)));
  }
  return { code: error.code, details: error.message, metadata };
}

/** For calls of the API that this server does not have, unary or streaming. */
export function unimplementedHandler(method: DescMethod) {
  const rejection = new Rejection('UNIMPLEMENTED', `this server does not have ${method.name}; see GetServerInfo`);
  const isStreaming = method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming';
  return isStreaming
    ? (call: { emit(event: 'error', error: Error): boolean }): void => breakOff(call, rejection)
    : (_call: unknown, callback: sendUnaryData<Message>): void => callback(serviceError(rejection));
}
