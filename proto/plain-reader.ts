// Bytes to messages. Throws for anything unusual: fields that are not known, are sent twice or in another wire type, text that is
// none, numbers too large, lengths that do not fit.

import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import {
  functionsOf,
  KEY_TAG,
  kindOf,
  NO_CASE,
  notPlain,
  tagOf,
  VALUE_TAG,
  zeroOf,
  type Kind,
  type Nested,
  type Simple,
} from './plain.ts';

/** Varints of seven bytes are below it, and all below are exact as numbers. */
const LONG_END = 2 ** 49;

class Reader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** 32 bits at most. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.bytes[this.at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.bytes[this.at++] ?? 0;
    return last < 0x10 ? (value | (last << 28)) >>> 0 : notPlain();
  }

  long(): bigint {
    let value = 0;
    for (let scale = 1; scale < LONG_END; scale *= 0x80) {
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(value);
    }
    return notPlain();
  }

  /** Where the text, bytes or message end whose length comes next. */
  end(): number {
    const length = this.varint();
    return this.at + length;
  }

  chunk(): Uint8Array {
    const end = this.end();
    const chunk = this.bytes.subarray(this.at, end);
    this.at = end;
    return chunk;
  }

  string(): string {
    const end = this.end();
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end;
    // It stands for bytes that are no text; hardly anybody sends it as itself.
    return text.includes('\ufffd') ? notPlain() : text;
  }

  entryInto(texts: Record<string, string>): void {
    const end = this.end();
    let [key, value] = ['', ''];
    while (this.at < end) {
      const tag = this.varint();
      if (tag === KEY_TAG) key = this.string();
      else if (tag === VALUE_TAG) value = this.string();
      else notPlain();
    }
    if (key === '__proto__') notPlain();
    texts[key] = value;
  }
}

type Read = (reader: Reader, end: number) => Message;

const functionOf = functionsOf((message, nested) => {
  const members = message.members.map(({ localName }) => ({ name: localName, zero: zeroOf(message, localName) }));
  const always = members.filter(({ zero }) => zero !== 'undefined');
  const ifSent = members.filter(({ zero }) => zero === 'undefined');
  return `function read(reader, end) {
    ${members.map(({ name, zero }) => `let $${name} = ${zero === NO_CASE ? 'undefined' : zero};`).join('\n')}
    while (reader.at < end) {
      switch (reader.varint()) {
        ${message.fields.map((field) => caseOf(field, nested)).join('\n')}
        default: notPlain();
      }
    }
    if (reader.at !== end) notPlain();
    const message = {
      $typeName: ${JSON.stringify(message.typeName)},
      ${always.map(({ name, zero }) => `${name}: $${name}${zero === NO_CASE ? ` ?? ${NO_CASE}` : ''},`).join('\n')}
    };
    ${ifSent.map(({ name }) => `if ($${name} !== undefined) message.${name} = $${name};`).join('\n')}
    return message;
  }`;
});

const READS: Readonly<Record<Simple, string>> = {
  string: 'reader.string()',
  bytes: 'reader.chunk()',
  bool: 'reader.varint() !== 0',
  uint32: 'reader.varint()',
  int32: 'reader.varint() | 0',
  long: 'reader.long()',
};

function caseOf(field: DescField, nested: Nested): string {
  const kind = kindOf(field);
  return kind === undefined ? '' : `case ${tagOf(field, kind)}: ${statementOf(field, kind, nested)} break;`;
}

function statementOf(field: DescField, kind: Kind, nested: Nested): string {
  const name = `$${field.oneof?.localName ?? field.localName}`;
  if (kind === 'texts') return `reader.entryInto(${name});`;
  const value = kind === 'message' || kind === 'messages' ? `${nested(field)}(reader, reader.end())` : READS[kind];
  if (kind === 'messages') return `${name}.push(${value});`;
  if (kind !== 'message' && field.oneof === undefined) return `${name} = ${value};`;
  const sent = field.oneof === undefined ? value : `{ case: '${field.localName}', value: ${value} }`;
  return `if (${name} !== undefined) notPlain(); ${name} = ${sent};`;
}

export function plainReader(message: DescMessage): (bytes: Buffer) => Message {
  return (bytes) => (functionOf(message) as Read)(new Reader(bytes), bytes.length);
}
