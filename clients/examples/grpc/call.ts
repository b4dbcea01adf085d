// Charges an order: node clients/examples/grpc/call.ts HOST:PORT KEY '{"amount":10}'

import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf';
import { StructSchema, type Struct } from '@bufbuild/protobuf/wkt';
import { grpcDefinition } from '../../../proto/grpc.ts';
import { Shop } from './shop.ts';

const [address = '', key = '', order = '{}'] = process.argv.slice(2);
const method = grpcDefinition(Shop)['charge'];
if (method === undefined) throw new Error('no such method');

const client = new Client(address, credentials.createInsecure());
const metadata = new Metadata();
metadata.set('idempotency-key', key);
const request = fromJson(StructSchema, JSON.parse(order) as JsonValue);
const read = (bytes: Buffer): Struct => method.responseDeserialize(bytes) as Struct;
client.makeUnaryRequest(method.path, method.requestSerialize, read, request, metadata, (error, response) => {
  console.log(response === undefined ? String(error) : JSON.stringify(toJson(StructSchema, response)));
  client.close();
});
