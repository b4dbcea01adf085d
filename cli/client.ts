// Calls to a running server, for the commands: one call, one deadline, and errors as exit codes.

import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  status,
  type Client,
  type ServiceError,
} from '@grpc/grpc-js';
import {
  create,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { grpcDefinition } from '../proto/grpc.ts';
import { printable } from '../server/printable.ts';
import { EXIT } from './exit.ts';

export interface CallOptions {
  readonly server: string;
  readonly timeoutMs: number;
  /** API key or JSON Web Token. */
  readonly token?: string | undefined;
  /** PEM of the authority that signed the server's certificate; with it the call goes over TLS. */
  readonly ca?: Buffer | undefined;
  /** PEM: who the caller is, where the server asks for certificates. */
  readonly clientCertificate?: Buffer | undefined;
  readonly clientKey?: Buffer | undefined;
}

type Received<Method extends DescMethod> = MessageShape<Method['output']>;

/** Rejects with the ServiceError of grpc-js. */
export async function call<Method extends DescMethodUnary>(
  method: Method,
  request: MessageInitShape<Method['input']>,
  options: CallOptions,
): Promise<Received<Method>> {
  return withClient(method, options, ({ client, definition, metadata }) => {
    const message = create(method.input, request);
    const { path, requestSerialize } = definition;
    const read = definition.responseDeserialize as (bytes: Buffer) => Received<Method>;
    const deadline = Date.now() + options.timeoutMs;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, read, message, metadata, { deadline }, (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error('the server answered nothing'));
      });
    });
  });
}

/** Hands over each answer as it comes; resolves at the end. No deadline: long work shows that it goes on. */
export async function follow<Method extends DescMethodServerStreaming>(
  method: Method,
  request: MessageInitShape<Method['input']>,
  options: CallOptions,
  onAnswer: (answer: Received<Method>) => void,
): Promise<void> {
  await withClient(method, options, ({ client, definition, metadata }) => {
    const read = definition.responseDeserialize as (bytes: Buffer) => Received<Method>;
    const message = create(method.input, request);
    const stream = client.makeServerStreamRequest(
      definition.path,
      definition.requestSerialize,
      read,
      message,
      metadata,
    );
    return new Promise<void>((resolve, reject) => {
      stream.on('data', onAnswer);
      stream.on('end', resolve);
      stream.on('error', reject);
    });
  });
}

interface Connected {
  readonly client: Client;
  readonly definition: NonNullable<ReturnType<typeof grpcDefinition>[string]>;
  readonly metadata: Metadata;
}

async function withClient<T>(
  method: DescMethod,
  { server, token, ca, clientCertificate, clientKey }: CallOptions,
  use: (connected: Connected) => Promise<T>,
): Promise<T> {
  const definition = grpcDefinition(method.parent)[method.localName];
  if (definition === undefined) throw new Error(`no method ${method.name}`);
  const Caller = makeGenericClientConstructor({}, method.parent.typeName);
  const by =
    ca === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(ca, clientKey ?? null, clientCertificate ?? null);
  const client = new Caller(server, by);
  const metadata = new Metadata();
  if (token !== undefined && token !== '') metadata.set('authorization', `Bearer ${token}`);
  try {
    return await use({ client, definition, metadata });
  } finally {
    client.close();
  }
}

export const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && typeof (error as Partial<ServiceError>).code === 'number';

/** Prints what went wrong in words and sets the exit code. Anything but an answer of the server is thrown on. */
export function report(error: unknown, { server }: Pick<CallOptions, 'server'>): void {
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
