// A small service, described here instead of in a .proto file: Charge takes and gives any JSON object.

import { create, createFileRegistry } from '@bufbuild/protobuf';
import type { GenService } from '@bufbuild/protobuf/codegenv2';
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_struct,
  type FileDescriptorProto,
  type StructSchema,
} from '@bufbuild/protobuf/wkt';

const STRUCT = '.google.protobuf.Struct';

const file: FileDescriptorProto = create(FileDescriptorProtoSchema, {
  name: 'shop.proto',
  package: 'shop.v1',
  syntax: 'proto3',
  dependency: [file_google_protobuf_struct.proto.name],
  service: [{ name: 'Shop', method: [{ name: 'Charge', inputType: STRUCT, outputType: STRUCT }] }],
});

const found = createFileRegistry(file, () => file_google_protobuf_struct.proto).getService('shop.v1.Shop');
if (found === undefined) throw new Error('the description lacks its service');

interface Charge {
  readonly methodKind: 'unary';
  readonly input: typeof StructSchema;
  readonly output: typeof StructSchema;
}

export const Shop = found as GenService<{ charge: Charge }>;
