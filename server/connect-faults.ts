// What Connect's library calls its own fault, though the caller sent it: binary bodies that are no message, and bodies that
// are not compressed as they say. They become INVALID_FIELD here, as everywhere else. It has no hook before its answer is
// made, so that the answer is made anew; one without an error passes untouched.

import { ConnectError, Code } from '@connectrpc/connect';
import { errorToJson } from '@connectrpc/connect/protocol-connect';
import type { UniversalHandler, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { detailsOf, invalidFields } from './errors.ts';

/** In the words of the library: what follows is for the caller. */
const CALLERS_FAULT = /^(?:parse binary: |received compressed envelope|decompression failed)/;
const ENVELOPE_BYTES = 5;
/** Flags of a last envelope: Connect's JSON, gRPC-Web's trailers. */
const [END_OF_STREAM, TRAILERS] = [0b10, 0x80];
const [INTERNAL, INVALID_ARGUMENT] = ['13', '3'];

/** Replaces handlers in place: a router has no other way in. */
export function blameCallers(handlers: UniversalHandler[]): void {
  for (const [index, handler] of handlers.entries()) {
    handlers[index] = Object.assign(async (request: Parameters<UniversalHandler>[0]) => {
      const response = await handler(request);
      if (response.body === undefined) return response;
      const isUnary = response.status !== 200;
      if (isUnary && response.status !== 500) return response;
      return isUnary ? unary(response) : { ...response, body: lastRewritten(response.body) };
    }, handler);
  }
}

async function unary(response: UniversalServerResponse): Promise<UniversalServerResponse> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const error = readError(body.toString('utf8'));
  if (error === undefined) return { ...response, body: one(body) };
  const rewritten = Buffer.from(JSON.stringify(errorToJson(error, undefined)));
  response.header?.set('content-length', String(rewritten.length));
  return { ...response, status: 400, body: one(rewritten) };
}

async function* lastRewritten(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    const flags = chunk[0] ?? 0;
    if (flags === END_OF_STREAM) yield enveloped(chunk, endOfStream);
    else if (flags === TRAILERS) yield enveloped(chunk, trailers);
    else yield chunk;
  }
}

/** The envelope with its text changed; as it is when it came in parts. */
function enveloped(chunk: Uint8Array, change: (text: string) => string): Uint8Array {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (bytes.length < ENVELOPE_BYTES || bytes.readUInt32BE(1) !== bytes.length - ENVELOPE_BYTES) return chunk;
  const text = bytes.toString('utf8', ENVELOPE_BYTES);
  const changed = change(text);
  if (changed === text) return chunk;
  const content = Buffer.from(changed);
  const head = Buffer.from(bytes.subarray(0, ENVELOPE_BYTES));
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

function endOfStream(text: string): string {
  const { error: written, ...rest } = JSON.parse(text) as { readonly error?: object };
  const error = readError(JSON.stringify(written ?? {}));
  return error === undefined ? text : JSON.stringify({ ...rest, error: errorToJson(error, undefined) });
}

function trailers(text: string): string {
  const [, message = ''] = /^grpc-message: ?(.*?)\r?$/m.exec(text) ?? [];
  const isTheirs = CALLERS_FAULT.test(decodeURIComponent(message));
  return isTheirs ? text.replace(new RegExp(`^(grpc-status: ?)${INTERNAL}`, 'm'), `$1${INVALID_ARGUMENT}`) : text;
}

/** The caller's error in place of the library's; undefined when it is no such. */
function readError(text: string): ConnectError | undefined {
  const { code, message = '' } = JSON.parse(text) as { readonly code?: string; readonly message?: string };
  if (code !== 'internal' || !CALLERS_FAULT.test(message)) return undefined;
  const rejection = invalidFields([{ field: 'request', description: `is not a message of this call (${message})` }]);
  const error = new ConnectError(rejection.message, Code.InvalidArgument);
  error.details = [...detailsOf(rejection)];
  return error;
}

async function* one(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}
