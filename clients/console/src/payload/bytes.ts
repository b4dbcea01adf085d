// What bytes are: text, JSON, or neither. Nothing here runs or renders what it reads.

/** A number that JavaScript cannot hold exactly, as it was written. */
export class ExactNumber {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

export type Json = null | boolean | number | string | ExactNumber | readonly Json[] | { readonly [name: string]: Json };

/** Undefined for bytes that are no well-formed UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Undefined for what is no JSON. Large numbers keep the digits that they were written with. */
export function jsonOf(text: string): Json | undefined {
  const keepDigits = (_name: string, value: unknown, context?: { readonly source?: string }): unknown => {
    const source = context?.source;
    if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
    return /^-?\d{16,}$/.test(source) ? new ExactNumber(source) : value;
  };
  try {
    return JSON.parse(text, keepDigits) as Json;
  } catch {
    return undefined;
  }
}

/** More than this is not unpacked: a few bytes can stand for gigabytes. */
const UNPACKED_BYTES_MAX = 8 * 1024 * 1024;

/** Undefined for an encoding that the browser does not know, bytes that are not in it, and too much. */
export async function unpack(bytes: Uint8Array, encoding: string): Promise<Uint8Array | undefined> {
  if (encoding !== 'gzip' && encoding !== 'deflate') return undefined;
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream(encoding));
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      length += chunk.length;
      if (length > UNPACKED_BYTES_MAX) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Offers the bytes as a file. The type keeps any browser from showing it instead. */
export function download(bytes: Uint8Array, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes.slice()], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
