// Calls that take effect once for the "idempotency-key" of their metadata, with @grpc/grpc-js. See call.ts for a caller.
//
//   ONCED_ADDRESS=127.0.0.1:50051 node clients/examples/grpc/grpc-js.ts

import { Server, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js';
import { fromJson, toJson, toJsonString } from '@bufbuild/protobuf';
import { StructSchema, type Struct } from '@bufbuild/protobuf/wkt';
import { grpcDefinition } from '../../../proto/grpc.ts';
import { attemptOf, idempotent, singleTenant } from '../../node/grpc.ts';
import { createClient } from '../../node/index.ts';
import { Shop } from './shop.ts';

const onced = createClient({ address: process.env['ONCED_ADDRESS'] ?? '127.0.0.1:50051' });
let charges = 0;

const charge: handleUnaryCall<Struct, Struct> = (call, callback) => {
  charges += 1;
  const fencingToken = attemptOf(call)?.fencingToken ?? 0;
  callback(null, fromJson(StructSchema, { charge: charges, order: toJson(StructSchema, call.request), fencingToken }));
};
const options = {
  namespace: 'shop/grpc',
  scope: singleTenant,
  requestJson: (request: unknown) => toJsonString(StructSchema, request as Struct),
};
const server = new Server();
server.addService(...idempotent(onced, options, grpcDefinition(Shop), { charge }));
const address = `127.0.0.1:${process.env['PORT'] ?? 0}`;
server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
  console.log(error === null ? `127.0.0.1:${port}` : error.message);
});
