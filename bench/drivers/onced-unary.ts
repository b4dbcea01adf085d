// Onced, one gRPC call an operation, over a plain grpc-js client.

import { makeGenericClientConstructor, credentials, type ServiceError } from '@grpc/grpc-js';
import { create } from '@bufbuild/protobuf';
import {
  BeginIntentRequestSchema,
  CompleteRequestSchema,
  IdempotencyService,
  LookupRequestSchema,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { grpcDefinition } from '../../proto/grpc.ts';
import type { Driver } from './driver.ts';
import { prepare, type Calls } from './onced.ts';

type Call = (request: unknown, answer: (error: ServiceError | null, response: unknown) => void) => void;

export async function connect(target: string): Promise<Driver> {
  const Client = makeGenericClientConstructor(grpcDefinition(IdempotencyService), 'IdempotencyService');
  const client = new Client(target, credentials.createInsecure());
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(Date.now() + 10_000, (error) => (error === undefined ? resolve() : reject(error)));
  });
  const methods = client as unknown as Record<string, Call>;
  const call = async <Response>(name: string, request: object): Promise<Response> =>
    new Promise((resolve, reject) => {
      methods[name]?.call(client, request, (error, response) => {
        if (error === null) resolve(response as Response);
        else reject(error);
      });
    });
  const calls: Calls = {
    begin: (request) => call('beginIntent', create(BeginIntentRequestSchema, request)),
    complete: (request) => call('complete', create(CompleteRequestSchema, request)),
    lookup: (request) => call('lookup', create(LookupRequestSchema, request)),
  };
  return { prepare: (work) => prepare(calls, work) };
}
