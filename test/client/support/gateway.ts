// A gRPC server in front of a real one that hands on unary calls, has no Session, and refuses what it is told to: what an
// older server, or a proxy that sheds load, looks like to a client.

import { Client, credentials, Metadata, Server, ServerCredentials, type ServiceError } from '@grpc/grpc-js';
import { IdempotencyService } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { grpcDefinition } from '../../../proto/grpc.ts';

export interface Refusal {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata;
}

export interface Gateway {
  readonly address: string;
  /** Calls that arrived, by method. */
  readonly calls: Record<string, number>;
  close(): void;
}

export async function startGateway(
  target: string,
  refuse: (method: string, count: number) => Refusal | undefined = () => undefined,
): Promise<Gateway> {
  const upstream = new Client(target, credentials.createInsecure());
  const calls: Record<string, number> = {};
  const server = new Server();
  const methods = Object.entries(grpcDefinition(IdempotencyService)).filter(
    ([, method]) => !method.requestStream && !method.responseStream,
  );
  const raw = { requestDeserialize: asIs, requestSerialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
  for (const [name, method] of methods) {
    const handle = (call: { request: Buffer }, callback: Callback): void => {
      calls[name] = (calls[name] ?? 0) + 1;
      const refusal = refuse(name, calls[name]);
      if (refusal !== undefined) callback({ ...refusal });
      else upstream.makeUnaryRequest(method.path, asIs, asIs, call.request, callback);
    };
    server.addService({ [name]: { ...method, ...raw } }, { [name]: handle });
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    calls,
    close() {
      upstream.close();
      server.forceShutdown();
    },
  };
}

type Callback = (error: Partial<ServiceError> | null, response?: Buffer) => void;
const asIs = (bytes: Buffer): Buffer => bytes;
