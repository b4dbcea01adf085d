// What proto/codec.ts reads and writes is what protobuf-es reads and writes, whoever sent it.

import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { create, fromBinary, toBinary, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  DescriptorProto_ReservedRangeSchema,
  StringValueSchema,
  StructSchema,
  TimestampSchema,
} from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { readerOf, writerOf } from '../../proto/codec.ts';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.js';
import { AdminService } from '../../proto/gen/onced/v1/admin_pb.js';
import {
  AcquiredSchema,
  BeginIntentRequestSchema,
  CompletedSchema,
  CompleteRequestSchema,
  FailRequestSchema,
  IdempotencyService,
  LookupRequestSchema,
  OperationSchema,
  SessionRequestSchema,
  SessionResponseSchema,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { isPlain, kindOf } from '../../proto/plain.ts';
import { plainReader } from '../../proto/plain-reader.ts';
import { plainWriter } from '../../proto/plain-writer.ts';
import { mutated } from '../fuzz/mutate.ts';
import { createValues } from '../fuzz/values.ts';
import { createRandom, seedsToTry } from '../model/random.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const MESSAGES_PER_TYPE = 60;
const DAMAGED_PER_MESSAGE = 4;
const types = [
  ...new Set([IdempotencyService, AdminService].flatMap(({ methods }) => methods.flatMap((m) => [m.input, m.output]))),
  StatusSchema,
];
const session: readonly DescMessage[] = [SessionRequestSchema, SessionResponseSchema];

type Outcome = { readonly value: unknown } | { readonly error: string };

function outcome(work: () => unknown): Outcome {
  try {
    return { value: work() };
  } catch (error) {
    return { error: String(error) };
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

/** Both ways of reading; they must agree. Returns what came of it. */
function read(type: DescMessage, bytes: Uint8Array): Outcome {
  const ours = outcome(() => readerOf(type)(asBuffer(bytes)));
  const theirs = outcome(() => fromBinary(type, asBuffer(bytes)));
  if (!isDeepStrictEqual(ours, theirs)) {
    expect(ours, `${type.typeName} of ${asBuffer(bytes).toString('hex')}`).toStrictEqual(theirs);
    expect.fail(`${type.typeName} of ${asBuffer(bytes).toString('hex')} differs`);
  }
  return ours;
}

function write(type: DescMessage, message: Message): Outcome {
  const ours = outcome(() => writerOf(type)(message).toString('hex'));
  const theirs = outcome(() => asBuffer(toBinary(type, message)).toString('hex'));
  expect(ours).toEqual(theirs);
  return ours;
}

test('random messages are written alike and read alike, whole and damaged', () => {
  const [seed = 0] = seedsToTry('codec', 1);
  const random = createRandom(seed);
  const values = createValues(random);
  const came = { read: 0, refused: 0 };
  for (const type of types) {
    const count = session.includes(type) ? 10 * MESSAGES_PER_TYPE : MESSAGES_PER_TYPE;
    for (let messages = 0; messages < count; messages += 1) {
      const message = create(type, values.message(type));
      const written = write(type, message);
      if ('error' in written) continue;
      const bytes = toBinary(type, message);
      read(type, bytes);
      for (let damaged = 0; damaged < DAMAGED_PER_MESSAGE; damaged += 1) {
        const result = read(type, mutated(random, bytes));
        came['error' in result ? 'refused' : 'read'] += 1;
        // What was read of damaged bytes has unknown fields often: they are written again.
        if ('value' in result) write(type, result.value as Message);
      }
    }
  }
  expect(Math.min(came.read, came.refused)).toBeGreaterThan(1000);
});

/** A message with all that it can have; of a oneof, each case in turn. */
function full(type: DescMessage, turn = 0): Message {
  const single = (field: (typeof type.fields)[number]): unknown => {
    if (field.message !== undefined) return full(field.message, turn);
    if (field.enum !== undefined) return field.enum.values.at(-1)?.number;
    const zero = (create(field.parent) as Message & Record<string, unknown>)[field.localName];
    if (typeof zero === 'bigint') return 1_795_868_129_314n;
    if (typeof zero === 'string') return `${field.name} é 😀`;
    if (typeof zero === 'boolean') return true;
    return typeof zero === 'number' ? 300 : new Uint8Array([0, 255, 7]);
  };
  const init: Record<string, unknown> = {};
  for (const member of type.members) {
    if (member.kind === 'oneof') {
      const field = member.fields[turn % member.fields.length];
      if (field !== undefined) init[member.localName] = { case: field.localName, value: single(field) };
    } else if (member.fieldKind === 'list') init[member.localName] = [single(member), single(member)];
    else if (member.fieldKind === 'map') init[member.localName] = { b: 'é', a: '', 7: 'x' };
    else init[member.localName] = single(member);
  }
  return create(type, init);
}

test('all that Session and the calls of its operations carry goes the short way', () => {
  const seen = new Set<DescMessage>();
  const walk = (type: DescMessage): void => {
    if (seen.has(type)) return;
    seen.add(type);
    expect(type.fields.filter((field) => kindOf(field) === undefined).map(String)).toEqual([]);
    for (const { message } of type.fields) if (message !== undefined) walk(message);
  };
  for (const type of session) {
    walk(type);
    for (let turn = 0; turn < 12; turn += 1) {
      const message = full(type, turn);
      const bytes = asBuffer(toBinary(type, message));
      expect(plainWriter(type)(message)).toEqual(bytes);
      expect(plainReader(type)(bytes)).toStrictEqual(fromBinary(type, bytes));
    }
    expect(plainReader(type)(Buffer.alloc(0))).toStrictEqual(create(type));
  }
  expect(seen.size).toBeGreaterThan(25);
});

test('cut anywhere, a message is refused or read as protobuf-es does', () => {
  for (let turn = 0; turn < 7; turn += 1) {
    for (const type of session) {
      const bytes = toBinary(type, full(type, turn));
      for (let length = 0; length < bytes.length; length += 1) read(type, bytes.subarray(0, length));
    }
  }
});

const field = (no: number, type: WireType, fill: (writer: BinaryWriter) => void): number[] => {
  const writer = new BinaryWriter();
  writer.tag(no, type);
  fill(writer);
  return [...writer.finish()];
};
const chunk = (no: number, bytes: readonly number[]): number[] =>
  field(no, WireType.LengthDelimited, (writer) => writer.bytes(Uint8Array.from(bytes)));
const text = (no: number, value: string): number[] => chunk(no, [...Buffer.from(value)]);
const duration = (seconds: number): number[] => field(1, WireType.Varint, (writer) => writer.int32(seconds));
const { key, owner, lease, fingerprints, labels } = BeginIntentRequestSchema.field;
const many = (length: number, last: number): number[] => [...Array<number>(length - 1).fill(0xff), last];

const begins: Readonly<Record<string, readonly number[]>> = {
  'text that is no UTF-8': chunk(key.number, [0xff]),
  'text cut within a character': chunk(key.number, [0x61, 0xc3]),
  'a surrogate in UTF-8': chunk(key.number, [0xed, 0xa0, 0x80]),
  'an overlong character': chunk(key.number, [0xc0, 0x80]),
  'the character that stands for others': text(key.number, 'a\ufffdb'),
  'a byte-order mark': text(key.number, '\ufeffa'),
  'text twice: the last counts': [...text(key.number, 'one'), ...text(key.number, 'two')],
  'a message twice: one of both': [...chunk(lease.number, duration(5)), ...chunk(lease.number, [0x10, 7])],
  'a number where text is meant': field(key.number, WireType.Varint, (writer) => writer.uint32(1)),
  'text where a message is meant': text(lease.number, 'abc'),
  'eight bytes where text is meant': field(key.number, WireType.Bit64, (writer) => writer.fixed64(3n)),
  'a message longer than what holds it': [(lease.number << 3) | 2, 3, 8, 1],
  'a message that ends within its field': chunk(lease.number, [0x08, 0x80]),
  'a length beyond the end': [(key.number << 3) | 2, 0x7f, 0x61],
  'a length of 4 GiB': [(key.number << 3) | 2, ...many(5, 0x0f)],
  'unknown fields of all sorts': [
    ...text(99, 'kept'),
    ...field(100, WireType.Varint, (writer) => writer.uint32(7)),
    ...field(101, WireType.Bit32, (writer) => writer.fixed32(7)),
    ...field(102, WireType.Bit64, (writer) => writer.fixed64(7n)),
    ...text(owner.number, 'o'),
  ],
  'an unknown field within a list': chunk(fingerprints.number, text(9, 'x')),
  'an unknown group': [((99 << 3) & 0x7f) | 0x83, 6, ((99 << 3) & 0x7f) | 0x84, 6],
  'a group without end': [0x9b, 0x06],
  'an end of a group': [0x9c, 0x06],
  'field 0': [0x02, 0x00],
  'a tag in more bytes than it needs': [0x92, 0x00, 1, 0x61],
  'a tag over 32 bits': [0x92, 0x80, 0x80, 0x80, 0x10, 1, 0x61],
  'a tag of five bytes': [0x92, 0x80, 0x80, 0x80, 0x00, 1, 0x61],
  'nanoseconds of 32 bits': chunk(lease.number, [0x10, 0x80, 0x80, 0x80, 0x80, 0x08]),
  'a label whose text goes on after it': chunk(labels.number, [0x0a, 4, 0x61]).concat([0x62, 0x63, 0x64]),
  'a message whose text goes on after it': chunk(fingerprints.number, [0x0a, 4, 0x61]).concat([0x62, 0x63, 0x64]),
  'a number of 10 bytes': chunk(lease.number, [0x08, ...many(10, 0x01)]),
  'a number of 11 bytes': chunk(lease.number, [0x08, ...many(11, 0x01)]),
  'a number of 7 bytes': chunk(lease.number, [0x08, ...many(7, 0x7f)]),
  'a number of 8 bytes': chunk(lease.number, [0x08, ...many(8, 0x7f)]),
  'a nanosecond over 32 bits': chunk(lease.number, [0x10, ...many(6, 0x01)]),
  'nanoseconds below zero': chunk(
    lease.number,
    field(2, WireType.Varint, (writer) => writer.int32(-1)),
  ),
  'a label called __proto__': chunk(labels.number, [...text(1, '__proto__'), ...text(2, 'x')]),
  'a label twice': [...chunk(labels.number, text(1, 'a')), ...chunk(labels.number, [...text(1, 'a'), ...text(2, 'b')])],
  'a label without a name': chunk(labels.number, text(2, 'b')),
  'a label with more in it': chunk(labels.number, [0x18, 3, ...text(1, 'a')]),
};

test.each(Object.entries(begins))('%s', (_, bytes) => {
  const outer = chunk(
    SessionRequestSchema.field.operations.number,
    chunk(OperationSchema.field.beginIntent.number, bytes),
  );
  const alone = read(BeginIntentRequestSchema, Uint8Array.from(bytes));
  const packed = read(SessionRequestSchema, Uint8Array.from(outer));
  if ('value' in alone) write(BeginIntentRequestSchema, alone.value as Message);
  if ('value' in packed) write(SessionRequestSchema, packed.value as Message);
});

test('one of several: the last that was sent, and one that was sent twice is both', () => {
  const { beginIntent, complete } = OperationSchema.field;
  const first = chunk(beginIntent.number, text(key.number, 'k'));
  const second = chunk(beginIntent.number, text(owner.number, 'o'));
  const third = chunk(complete.number, []);
  for (const bytes of [
    [...first, ...second],
    [...first, ...third],
    [...third, ...first, ...second],
  ]) {
    read(OperationSchema, Uint8Array.from(bytes));
  }
});

const odd: readonly (readonly [string, DescMessage, Record<string, unknown>])[] = [
  ['lone surrogates', BeginIntentRequestSchema, { key: 'a\ud800', owner: '\udc00'.repeat(80) }],
  ['long text', BeginIntentRequestSchema, { key: 'é'.repeat(30_000), owner: 'x'.repeat(100_000) }],
  ['a number for text', BeginIntentRequestSchema, { key: 5 }],
  ['undefined for text', BeginIntentRequestSchema, { key: undefined }],
  ['no list', BeginIntentRequestSchema, { fingerprints: undefined }],
  ['null for a message', BeginIntentRequestSchema, { lease: null }],
  ['another message', BeginIntentRequestSchema, { lease: create(AcquiredSchema) }],
  ['another message of the same fields', BeginIntentRequestSchema, { lease: create(TimestampSchema, { seconds: 1n }) }],
  ['an object for text', BeginIntentRequestSchema, { key: { length: 0 } }],
  ['seconds below zero', BeginIntentRequestSchema, { lease: { seconds: -1n, nanos: -1 } }],
  ['the largest number', AcquiredSchema, { fencingToken: 2n ** 64n - 1n }],
  ['more than the largest', AcquiredSchema, { fencingToken: 2n ** 64n }],
  ['numbers that a double cannot hold', AcquiredSchema, { fencingToken: 2n ** 53n + 1n }],
  ['numbers around 32 and 28 bits', AcquiredSchema, { fencingToken: 2n ** 32n, attempt: 2 ** 28 }],
  ['a number for a bigint', AcquiredSchema, { fencingToken: 5 }],
  ['text for a bigint', AcquiredSchema, { fencingToken: '5' }],
  ['a number in words for a bigint', AcquiredSchema, { fencingToken: '1e3' }],
  ['32 bits', AcquiredSchema, { attempt: 2 ** 32 - 1 }],
  ['a fraction', AcquiredSchema, { attempt: 1.5 }],
  ['below zero where that cannot be', AcquiredSchema, { attempt: -1 }],
  ['more than 32 bits', AcquiredSchema, { attempt: 2 ** 32 }],
  ['text for a number', AcquiredSchema, { attempt: '3' }],
  ['1 for true', AcquiredSchema, { takenOver: 1 }],
  ['bytes that are set and empty', AcquiredSchema, { checkpoint: new Uint8Array(0) }],
  ['an array for bytes', AcquiredSchema, { leaseToken: [1, 2] }],
  ['another case of an enum', FailRequestSchema, { kind: 99 }],
  ['an enum below zero', FailRequestSchema, { kind: -1 }],
  [
    'labels called like properties',
    CompletedSchema,
    { labels: JSON.parse('{"__proto__":"x","constructor":"y","2":"","1":"z"}') },
  ],
  ['a label that is no text', CompletedSchema, { labels: { a: 5 } }],
  [
    'a result of a megabyte',
    CompleteRequestSchema,
    { result: new Uint8Array(1024 * 1024).fill(3), contentType: 'a/b' },
  ],
  ['no operation', OperationSchema, { id: 1n, operation: { case: undefined } }],
  ['an operation of no kind', OperationSchema, { id: 1n, operation: { case: 'nothing', value: {} } }],
  ['unknown fields', OperationSchema, { $unknown: [{ no: 99, wireType: 0, data: new Uint8Array([1]) }] }],
];

test.each(odd)('a message with %s is written or refused as by protobuf-es', (_, type, members) => {
  // Past what `create` makes right.
  const message = { ...create(type), ...members } as Message;
  if ('lease' in members && !(members['lease'] === null || '$typeName' in Object(members['lease']))) {
    Object.assign(message, create(type, members));
  }
  const written = write(type, message);
  if ('value' in written) read(type, Buffer.from(String(written.value), 'hex'));
  // What came before leaves nothing behind.
  write(BeginIntentRequestSchema, full(BeginIntentRequestSchema));
});

test('what was written stays as it is when the next is written', () => {
  const lookup = (key: string): Buffer => writerOf(LookupRequestSchema)(create(LookupRequestSchema, { key }));
  const first = lookup('one');
  lookup('two');
  expect(first.toString()).toContain('one');
});

test('types that it does not know are left to protobuf-es', () => {
  for (const type of [StructSchema, StringValueSchema, DescriptorProto_ReservedRangeSchema])
    expect(isPlain(type)).toBe(false);
  expect(kindOf({ ...AcquiredSchema.field.fencingToken, longAsString: true } as DescField)).toBeUndefined();
  const struct = create(StructSchema, { fields: { a: { kind: { case: 'numberValue', value: 1.5 } } } });
  write(StructSchema, struct);
  read(StructSchema, toBinary(StructSchema, struct));
});

test('where node may not make code of text, protobuf-es does all', () => {
  const program = `
    import { create, toBinary } from '@bufbuild/protobuf';
    import { readerOf, writerOf } from './proto/codec.ts';
    import { plainReader } from './proto/plain-reader.ts';
    import { LookupRequestSchema as type } from './proto/gen/onced/v1/idempotency_pb.js';
    const bytes = writerOf(type)(create(type, { key: 'k' }));
    console.log(bytes.toString('hex'), readerOf(type)(bytes).key);
    try { plainReader(type)(bytes); } catch (error) { console.log(error.message); }`;
  const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e'];
  const said = execFileSync(process.execPath, [...flags, program], { cwd: ROOT, encoding: 'utf8' });
  expect(said).toBe('12016b k\nnot plain\n');
});
