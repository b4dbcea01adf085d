import { fromBinary } from '@bufbuild/protobuf';
import { ConnectError, type HandlerContext } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { attemptOf, idempotent } from '../../clients/node/connect.ts';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.js';
import {
  IdempotencyService,
  type LookupRequest,
  type LookupResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { describeRpc, lookUp, type ServeRpc } from './rpc-suite.ts';

const serve: ServeRpc = async (client, options, shop) => {
  const scope = ({ requestHeader }: { readonly requestHeader: Headers }): string => requestHeader.get('tenant') ?? '';
  const implementation = {
    async lookup({ key }: LookupRequest, context: HandlerContext): Promise<LookupResponse> {
      shop.lastFencingToken = attemptOf(context)?.fencingToken;
      const response = await lookUp(shop, key);
      if (shop.status === undefined) return response;
      const { code, message, details } = fromBinary(StatusSchema, shop.status);
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the numbers of both are gRPC's
      const error = new ConnectError(message, code);
      error.details = details.map(({ typeUrl, value }) => ({
        type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
        value: new Uint8Array(value),
      }));
      throw error;
    },
  };
  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(IdempotencyService, idempotent(client, { ...options, scope }, IdempotencyService, implementation)),
  });
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => new Promise((resolve) => server.close(resolve)),
  };
};

describeRpc('Connect', serve);
