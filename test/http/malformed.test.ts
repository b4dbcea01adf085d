// Bodies over HTTP that are no message, or not compressed as they say: the caller's mistake, and called so.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { serveOnced, makeFolder, type Folder, type Served } from '../support/onced.ts';

let folder: Folder;
let server: Served;
beforeAll(async () => {
  folder = await makeFolder();
  server = await serveOnced(['--store', 'memory:'], { folder: folder.path });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Sent {
  readonly path?: string;
  readonly type: string;
  readonly body: Buffer;
  readonly encoding?: string;
}

async function send({ path = 'Lookup', type, body, encoding }: Sent): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': type, 'connect-protocol-version': '1' };
  const response = await fetch(`${server.http}/onced.v1.IdempotencyService/${path}`, {
    method: 'POST',
    headers: encoding === undefined ? headers : { ...headers, 'content-encoding': encoding },
    body: new Uint8Array(body),
  });
  // Latin-1 keeps the bytes of an envelope's length as they are.
  return { status: response.status, text: Buffer.from(await response.arrayBuffer()).toString('latin1') };
}

/** A field that is longer than the message. */
const BROKEN = Buffer.from([0x0a, 0x7f, 0x61]);
const enveloped = (flags: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([flags, 0, 0, 0, body.length]), body]);

test('a binary body that is no message is answered 400 with the field at fault', async () => {
  const { status, text } = await send({ type: 'application/proto', body: BROKEN });
  expect(status).toBe(400);
  expect(JSON.parse(text)).toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining('request') as string,
  });
  expect(text).toContain('google.rpc.BadRequest');
});

test('a body that is not gzip though it says so is answered 400', async () => {
  const { status, text } = await send({ type: 'application/json', body: Buffer.from('{}'), encoding: 'gzip' });
  expect(status).toBe(400);
  expect(JSON.parse(text)).toMatchObject({ code: 'invalid_argument' });
});

test.each([
  ['no message', enveloped(0, BROKEN)],
  ['compressed in no known way', enveloped(1, Buffer.from('{}'))],
])('a stream whose envelope is %s ends with invalid_argument', async (_, body) => {
  const { text } = await send({ path: 'WatchIntent', type: 'application/connect+proto', body });
  expect(text).toContain('"code":"invalid_argument"');
  expect(Buffer.from(text, 'latin1').readUInt32BE(1)).toBe(text.length - 5);
});

test('a gRPC-Web message that is none ends with status 3', async () => {
  const { text } = await send({ type: 'application/grpc-web+proto', body: enveloped(0, BROKEN) });
  expect(text).toMatch(/grpc-status: ?3\r?\n/);
});
