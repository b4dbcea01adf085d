// Messages to bytes, from the last byte to the first: so the length of what is nested is known when its turn comes. Throws for
// anything unusual: values of another type than they should have, numbers below zero or too large, fields that are not known.

import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { functionsOf, KEY_TAG, kindOf, notPlain, tagOf, VALUE_TAG, zeroOf, type Nested, type Simple } from './plain.ts';

/** Room for most packs, and what is kept after one with large results: gRPC's own bound on a message. */
const START_BYTES = 64 * 1024;
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
/** Up to here a loop takes less time than a call of Buffer. */
const SHORT_LENGTH_MAX = 64;
const BITS_28 = 2 ** 28;

class Writer {
  bytes = Buffer.allocUnsafeSlow(START_BYTES);
  /** Where the first byte that was written is. */
  at = START_BYTES;

  get written(): number {
    return this.bytes.length - this.at;
  }

  clear(): void {
    if (this.bytes.length > KEPT_BYTES_MAX) this.bytes = Buffer.allocUnsafeSlow(START_BYTES);
    this.at = this.bytes.length;
  }

  /** A copy, since the next message is written over it. */
  copy(): Buffer {
    return Buffer.from(this.bytes.subarray(this.at));
  }

  /** Returns where the next `length` bytes go. */
  take(length: number): number {
    if (this.at < length) this.grow(length);
    this.at -= length;
    return this.at;
  }

  grow(length: number): void {
    const { bytes, at, written } = this;
    this.bytes = Buffer.allocUnsafeSlow(2 * (bytes.length + length));
    this.at = this.bytes.length - written;
    bytes.copy(this.bytes, this.at, at);
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) notPlain();
    let at = this.take(value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < BITS_28 ? 4 : 5);
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.bytes[at++] = rest | 0x80;
    this.bytes[at] = rest;
  }

  long(value: bigint): void {
    const number = Number(value);
    if (typeof value !== 'bigint' || number > Number.MAX_SAFE_INTEGER) notPlain();
    const high = Math.floor(number / BITS_28);
    const low = number - high * BITS_28;
    if (high === 0) {
      this.uint32(low);
      return;
    }
    this.uint32(high);
    for (let shift = 21; shift >= 0; shift -= 7) {
      const at = this.take(1);
      this.bytes[at] = (low >>> shift) | 0x80;
    }
  }

  chunk(chunk: Uint8Array): void {
    if (!(chunk instanceof Uint8Array)) notPlain();
    const at = this.take(chunk.length);
    this.bytes.set(chunk, at);
    this.uint32(chunk.length);
  }

  string(text: string): void {
    if (typeof text !== 'string') notPlain();
    if (text.length > SHORT_LENGTH_MAX || !this.ascii(text)) {
      const length = Buffer.byteLength(text);
      const at = this.take(length);
      this.bytes.write(text, at, 'utf8');
      this.uint32(length);
    }
  }

  /** False: it has other characters, and nothing was written. */
  ascii(text: string): boolean {
    const { length } = text;
    const at = this.take(length);
    const { bytes } = this;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.at += length;
        return false;
      }
      bytes[at + index] = code;
    }
    this.uint32(length);
    return true;
  }

  texts(texts: Readonly<Record<string, string>>, tag: number): void {
    for (const [key, value] of Object.entries(texts).toReversed()) {
      const before = this.written;
      this.string(value);
      this.uint32(VALUE_TAG);
      this.string(key);
      this.uint32(KEY_TAG);
      this.uint32(this.written - before);
      this.uint32(tag);
    }
  }
}

type Write = (writer: Writer, message: Message) => void;

const functionOf = functionsOf((message, nested) => {
  const fields = message.fields.toSorted((one, other) => other.number - one.number);
  return `function write(writer, message) {
    if (message.$typeName !== ${JSON.stringify(message.typeName)} || message.$unknown !== undefined) notPlain();
    ${fields.map((field) => statementOf(field, nested)).join('\n')}
  }`;
});

const WRITES: Readonly<Record<Simple, string>> = {
  string: 'writer.string(value);',
  bytes: 'writer.chunk(value);',
  bool: 'writer.uint32(value === true ? 1 : notPlain());',
  uint32: 'writer.uint32(value);',
  // Below zero it would take ten bytes, which is left to protobuf-es.
  int32: 'writer.uint32(value);',
  long: 'writer.long(value);',
};

function statementOf(field: DescField, nested: Nested): string {
  const { oneof, localName } = field;
  const place = `message.${oneof === undefined ? localName : `${oneof.localName}.value`}`;
  const isSet = oneof === undefined ? setTest(field) : `message.${oneof.localName}.case === '${localName}'`;
  return `if (${isSet}) { const value = ${place}; ${writeOf(field, nested)} }`;
}

function setTest({ parent, localName }: DescField): string {
  const zero = zeroOf(parent, localName);
  if (zero === '[]' || zero === 'NO_BYTES') return `message.${localName}.length !== 0`;
  if (zero === '{}') return `Object.keys(message.${localName}).length !== 0`;
  return `message.${localName} !== ${zero}`;
}

function writeOf(field: DescField, nested: Nested): string {
  const kind = kindOf(field);
  if (kind === undefined) return 'notPlain();';
  const tag = tagOf(field, kind);
  const message = (value: string): string => `{
    const before = writer.written;
    ${nested(field)}(writer, ${value});
    writer.uint32(writer.written - before);
    writer.uint32(${tag});
  }`;
  if (kind === 'message') return message('value');
  if (kind === 'messages') return `for (let index = value.length; index-- > 0;) ${message('value[index]')}`;
  if (kind === 'texts') return `writer.texts(value, ${tag});`;
  return `${WRITES[kind]} writer.uint32(${tag});`;
}

const writer = new Writer();

export function plainWriter(message: DescMessage): (value: Message) => Buffer {
  return (value) => {
    writer.clear();
    (functionOf(message) as Write)(writer, value);
    return writer.copy();
  };
}
