// Calls that take effect once for the "idempotency-key" of their headers, with Connect. Used like grpc-js.ts beside it.

import { create, fromJson, toJson } from '@bufbuild/protobuf';
import { StructSchema, type Struct } from '@bufbuild/protobuf/wkt';
import type { HandlerContext } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { attemptOf, idempotent, singleTenant } from '../../node/connect.ts';
import { createClient } from '../../node/index.ts';
import { Shop } from './shop.ts';

const onced = createClient({ address: process.env['ONCED_ADDRESS'] ?? '127.0.0.1:50051' });
let charges = 0;

const shop = {
  async charge(request: Struct, context: HandlerContext): Promise<Struct> {
    charges += 1;
    const order = toJson(StructSchema, create(StructSchema, request));
    return fromJson(StructSchema, { charge: charges, order, fencingToken: attemptOf(context)?.fencingToken ?? 0 });
  },
};
const options = { namespace: 'shop/grpc', scope: singleTenant };
const handler = connectNodeAdapter({
  routes: (router) => router.service(Shop, idempotent(onced, options, Shop, shop)),
});
const server = createServer(handler).listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  console.log(`127.0.0.1:${(server.address() as AddressInfo).port}`);
});
