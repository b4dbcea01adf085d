// A Session message while more is asked than can be done: operations that are refused anyway are told apart by a look at
// their bytes, and answered with bytes made before. Reading and answering one in full costs a fifth of doing it, so that a
// server asked for five times what it can do would do nothing but refuse.

import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  BeginIntentRequestSchema,
  OperationResultSchema,
  OperationSchema,
  SessionRequestSchema,
  SessionResponseSchema,
  type Operation,
} from '../proto/gen/onced/v1/idempotency_pb.js';
import { readerOf } from '../proto/codec.ts';
import type { LoadClass } from './admission/load-class.ts';
import { statusOf, type Rejection } from './errors.ts';

export type RefusableName = 'beginIntent' | 'lookup';

export interface PackReader {
  /** Undefined: it has to be read. */
  readonly refuse: (load: LoadClass, namespace: string, rpc: RefusableName) => Rejection | undefined;
  /** Those before it in the message were refused or taken by then. */
  readonly take: (operation: Operation) => void;
}

/** Returns a SessionResponse with the refusals, undefined without any. Throws when the bytes are no SessionRequest. */
export function readRefusing(bytes: Uint8Array, { refuse, take }: PackReader): Buffer | undefined {
  const writer = new BinaryWriter();
  let refused = 0;
  for (const part of operationsOf(bytes)) {
    const { id, rpc, namespace } = peek(part);
    const load = rpc === 'beginIntent' ? 'begin' : 'look';
    const rejection = rpc === undefined ? undefined : refuse(load, namespace, rpc);
    if (rejection === undefined) {
      take(readOperation(part));
      continue;
    }
    refused += 1;
    writer.tag(RESULTS, WireType.LengthDelimited).fork();
    writer.tag(RESULT_ID, WireType.Varint).uint64(id).raw(errorBytes(rejection)).join();
  }
  return refused === 0 ? undefined : asBuffer(writer.finish());
}

const readOperation = readerOf(OperationSchema);

const OPERATIONS = SessionRequestSchema.field.operations.number;
const OPERATION_ID = OperationSchema.field.id.number;
const BEGIN = OperationSchema.field.beginIntent.number;
const LOOKUP = OperationSchema.field.lookup.number;
/** The same in a LookupRequest. */
const NAMESPACE = BeginIntentRequestSchema.field.namespace.number;
const RESULTS = SessionResponseSchema.field.results.number;
const RESULT_ID = OperationResultSchema.field.id.number;

function operationsOf(bytes: Uint8Array): readonly Uint8Array[] {
  const reader = new BinaryReader(bytes);
  const parts: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === OPERATIONS && type === WireType.LengthDelimited) parts.push(reader.bytes());
    else reader.skip(type, field);
  }
  return parts;
}

interface Peeked {
  readonly id: bigint | string;
  readonly rpc: RefusableName | undefined;
  readonly namespace: string;
}

function peek(operation: Uint8Array): Peeked {
  const reader = new BinaryReader(operation);
  let id: bigint | string = 0n;
  let rpc: RefusableName | undefined;
  let request: Uint8Array | undefined;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === OPERATION_ID && type === WireType.Varint) {
      id = reader.uint64();
    } else if ((field === BEGIN || field === LOOKUP) && type === WireType.LengthDelimited) {
      rpc = field === BEGIN ? 'beginIntent' : 'lookup';
      request = reader.bytes();
    } else {
      // Another operation after all, if it is sent twice: the last one counts.
      if (type === WireType.LengthDelimited) rpc = undefined;
      reader.skip(type, field);
    }
  }
  return { id, rpc, namespace: rpc === undefined || request === undefined ? '' : namespaceOf(request) };
}

function namespaceOf(request: Uint8Array): string {
  const reader = new BinaryReader(request);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    // It comes first from every library that writes fields in order.
    if (field === NAMESPACE && type === WireType.LengthDelimited) return reader.string();
    reader.skip(type, field);
  }
  return '';
}

const made = new WeakMap<Rejection, Uint8Array>();

/** What an OperationResult has besides its id. */
function errorBytes(rejection: Rejection): Uint8Array {
  const known = made.get(rejection);
  if (known !== undefined) return known;
  const result = create(OperationResultSchema, { result: { case: 'error', value: statusOf(rejection) } });
  const bytes = toBinary(OperationResultSchema, result);
  made.set(rejection, bytes);
  return bytes;
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
