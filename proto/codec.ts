// Messages to bytes and back, exactly as protobuf-es does it, for a quarter of its CPU. What is plain goes a short way, by
// functions made for each type; whatever that finds unusual protobuf-es reads or writes again from the start, and judges it.

import { fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { plainReader } from './plain-reader.ts';
import { plainWriter } from './plain-writer.ts';

/** Throws for bytes that are no such message. What is read may be a view on them. */
export function readerOf<Desc extends DescMessage>(schema: Desc): (bytes: Uint8Array) => MessageShape<Desc> {
  const short = plainReader(schema);
  return (bytes) => {
    try {
      if (Buffer.isBuffer(bytes)) return short(bytes) as MessageShape<Desc>;
    } catch {
      // Said below what is wrong with it, if anything is.
    }
    return fromBinary(schema, bytes);
  };
}

/** Throws for a message with values that its fields cannot have. */
export function writerOf<Desc extends DescMessage>(schema: Desc): (message: MessageShape<Desc>) => Buffer {
  const short = plainWriter(schema);
  return (message) => {
    try {
      return short(message);
    } catch {
      const bytes = toBinary(schema, message);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
  };
}
