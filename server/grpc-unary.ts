// One unary call: metadata bounded, bytes that are no message answered as such, deadline and hang-up handed on.

import { Metadata, type status as Code } from '@grpc/grpc-js';
import type { MethodDefinition, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import { execute, type Answer, type OperationName, type RequestOf } from './calls/execute.ts';
import type { CallContext, Engine } from './context.ts';
import { CallOver, invalidFields, Rejection, statusBytes, statusOf } from './errors.ts';
import { limits } from './limits.ts';

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

export interface UnaryOptions<Name extends OperationName> {
  readonly engine: Engine;
  readonly log: Logger;
  readonly name: Name;
}

type Call<Name extends OperationName> = ServerUnaryCall<RequestOf<Name> | MalformedRequest, object>;

export function unaryHandler<Name extends OperationName>({ engine, log, name }: UnaryOptions<Name>) {
  return (call: Call<Name>, callback: sendUnaryData<object>): void => {
    const refused = refusalOf(call);
    if (refused !== undefined) {
      callback(serviceError(refused));
      return;
    }
    const request = call.request as RequestOf<Name>;
    void execute(engine, log, { name, request, call: contextOf(call) })
      .catch((error: unknown): Answer<object> => {
        // execute never rejects; without this a mistake there would leave the caller hanging until its deadline.
        log.error({ err: error }, 'a call was not answered by its operation');
        return { ok: false, error: new Rejection('INTERNAL', 'internal error') };
      })
      .then((answer) => respond(answer, callback));
  };
}

function respond(answer: Answer<object>, callback: sendUnaryData<object>): void {
  if (answer.ok) callback(null, answer.response);
  else callback(serviceError(answer.error));
}

/** Why the call cannot be taken as it came; undefined when it can. */
export function refusalOf(call: { readonly metadata: Metadata; readonly request?: unknown }): Rejection | undefined {
  const metadataBytes = bytesOf(call.metadata);
  if (metadataBytes > limits.metadataBytesMax) {
    const description = `must be at most ${limits.metadataBytesMax} bytes in all, found ${metadataBytes}`;
    return invalidFields([{ field: 'metadata', description }]);
  }
  return call.request instanceof MalformedRequest ? call.request.rejection : undefined;
}

function bytesOf(metadata: Metadata): number {
  let bytes = 0;
  for (const name of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(name)) bytes += name.length + value.length;
  }
  return bytes;
}

/** A caller's hang-up and deadline, as operations want them. */
function contextOf(call: Call<OperationName>): CallContext {
  const deadline = Number(call.getDeadline());
  const controller = new AbortController();
  call.once('cancelled', () => controller.abort());
  return {
    deadlineMs: Number.isFinite(deadline) ? performance.now() + (deadline - Date.now()) : undefined,
    signal: controller.signal,
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
    ? (call: { destroy(error: Error): void }): void => {
        call.destroy(Object.assign(new Error(rejection.message), serviceError(rejection)));
      }
    : (_call: unknown, callback: sendUnaryData<object>): void => callback(serviceError(rejection));
}
