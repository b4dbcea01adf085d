import { Metadata, Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { fromBinary, toJsonString } from '@bufbuild/protobuf';
import { attemptOf, idempotent } from '../../clients/node/grpc.ts';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.js';
import {
  IdempotencyService,
  LookupRequestSchema,
  type LookupRequest,
  type LookupResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { grpcDefinition } from '../../proto/grpc.ts';
import { describeRpc, lookUp, type ServeRpc } from './rpc-suite.ts';

const serve: ServeRpc = async (client, options, shop) => {
  const lookup = (
    call: ServerUnaryCall<LookupRequest, LookupResponse>,
    callback: sendUnaryData<LookupResponse>,
  ): void => {
    shop.lastFencingToken = attemptOf(call)?.fencingToken;
    const answer = async (): Promise<void> => {
      const response = await lookUp(shop, call.request.key);
      if (shop.status === undefined) return callback(null, response);
      const { code, message } = fromBinary(StatusSchema, shop.status);
      const metadata = new Metadata();
      metadata.set('grpc-status-details-bin', Buffer.from(shop.status));
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the numbers of both are gRPC's
      callback({ code, details: message, metadata });
    };
    void answer();
  };
  const server = new Server();
  const withKeys = {
    ...options,
    scope: ({ metadata }: { readonly metadata: Metadata }) => String(metadata.get('tenant')[0] ?? ''),
    requestJson: (request: unknown) => toJsonString(LookupRequestSchema, request as LookupRequest),
  };
  server.addService(...idempotent(client, withKeys, grpcDefinition(IdempotencyService), { lookup }));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { url: `127.0.0.1:${port}`, close: async () => server.forceShutdown() };
};

describeRpc('grpc-js', serve);
