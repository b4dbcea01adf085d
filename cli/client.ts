// Calls to a running server, for the commands: one call, one deadline, and errors as exit codes.

import { credentials, makeGenericClientConstructor, status, type Client, type ServiceError } from '@grpc/grpc-js';
import { create, type DescMethodUnary, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { grpcDefinition } from '../proto/grpc.ts';
import { EXIT } from './exit.ts';
import { printable } from '../server/printable.ts';

export interface CallOptions {
  readonly server: string;
  readonly timeoutMs: number;
}

/** Rejects with the ServiceError of grpc-js. */
export async function call<Method extends DescMethodUnary>(
  method: Method,
  request: MessageInitShape<Method['input']>,
  { server, timeoutMs }: CallOptions,
): Promise<MessageShape<Method['output']>> {
  const definition = grpcDefinition(method.parent)[method.localName];
  if (definition === undefined) throw new Error(`no method ${method.name}`);
  const Caller = makeGenericClientConstructor({}, method.parent.typeName);
  const client: Client = new Caller(server, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize as (bytes: Buffer) => MessageShape<Method['output']>,
        create(method.input, request),
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          if (error === null && response !== undefined) resolve(response);
          else reject(error ?? new Error('the server answered nothing'));
        },
      );
    });
  } finally {
    client.close();
  }
}

export const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && typeof (error as Partial<ServiceError>).code === 'number';

/** Prints what went wrong in words and sets the exit code. Anything but an answer of the server is thrown on. */
export function report(error: unknown, { server }: CallOptions): void {
  if (!isServiceError(error)) throw error;
  const details = printable(error.details);
  if (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED) {
    console.error(`error: no answer from a server on ${server}: ${details}`);
    process.exitCode = EXIT.unreachable;
    return;
  }
  console.error(`error: ${status[error.code] ?? error.code}: ${details}`);
  process.exitCode = error.code === status.INVALID_ARGUMENT ? EXIT.usage : EXIT.refused;
}
