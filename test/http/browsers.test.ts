// Calls of web pages: which pages may call, and what a page of another site can make a browser send.

import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createConnect } from '../../server/connect.ts';
import { startHttp, type HttpListener } from '../../server/http.ts';
import { ANONYMOUS, type Evidence } from '../../server/principal.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const PATH = '/onced.v1.IdempotencyService/GetServerInfo';
const JSON_CALL = { 'content-type': 'application/json', 'connect-protocol-version': '1' };
const ALLOWED = 'https://console.example';

const seen: Evidence[] = [];
let server: TestServer;
let listener: HttpListener;
let origin: string;

beforeAll(async () => {
  server = await startTestServer({ store: createMemoryStore() });
  const log = pino({ level: 'silent' });
  const identify = (evidence: Evidence) => {
    seen.push(evidence);
    return ANONYMOUS;
  };
  const rpc = createConnect({ engine: server.engine, log, corsOrigins: [ALLOWED], identify });
  listener = await startHttp({ address: { host: '127.0.0.1', port: 0 }, pages: new Map(), rpc, log });
  origin = `http://127.0.0.1:${listener.address.port}`;
});
afterAll(async () => {
  await listener.close();
  await server[Symbol.asyncDispose]();
});

/** A call as a browser would send it. */
async function send(headers: Record<string, string>, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(`${origin}${PATH}`, { method: 'POST', body: '{}', headers, ...init });
  await response.arrayBuffer();
  return response;
}

test('a page whose name was made to point here gets nothing, one of loopback and one that is allowed are answered', async () => {
  const { port } = listener.address;
  const statusFrom = async (from: string): Promise<number> => (await send({ ...JSON_CALL, origin: from })).status;
  for (const from of [
    `http://evil.example:${port}`,
    'https://127.0.0.1.evil.example',
    'null',
    'http://localhost.evil',
  ]) {
    expect([from, await statusFrom(from)]).toEqual([from, 403]);
  }
  expect(seen).toEqual([]);
  for (const from of [origin, `http://localhost:${port}`, `http://[::1]:${port}`, ALLOWED]) {
    expect([from, await statusFrom(from)]).toEqual([from, 200]);
  }
  expect((await send(JSON_CALL)).status).toBe(200);
  // Limits on failures go by this, and must not hold back all of HTTP for one stranger.
  expect(seen[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
});

test('what a form of another site can post is no call: it has no header of the protocol, nor its content type', async () => {
  const before = seen.length;
  expect((await send({ 'content-type': 'application/json' })).status).toBe(400);
  for (const contentType of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const refused = await send({ 'content-type': contentType, 'connect-protocol-version': '1' });
    expect([contentType, refused.status]).toEqual([contentType, 415]);
  }
  expect((await fetch(`${origin}${PATH}?connect=v1&encoding=json&message={}`)).status).toBe(405);
  expect(seen.length).toBe(before);
});

test('only the pages that are named may read an answer, and never any page', async () => {
  const preflight = async (from: string): Promise<Response> =>
    send({ origin: from, 'access-control-request-method': 'POST' }, { method: 'OPTIONS', body: null });
  const allowed = await preflight(ALLOWED);
  expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([204, ALLOWED]);
  expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
  const named = (headers: Headers, name: string): readonly string[] =>
    (headers.get(name) ?? '').toLowerCase().split(/, */);
  expect(named(allowed.headers, 'access-control-allow-headers')).toEqual(
    expect.arrayContaining([
      'authorization',
      'content-type',
      'connect-protocol-version',
      'connect-timeout-ms',
      'x-grpc-web',
    ]),
  );
  // Without these a page could not tell why its gRPC-Web call failed.
  const { headers } = await send({ ...JSON_CALL, origin: ALLOWED });
  expect(named(headers, 'access-control-expose-headers')).toEqual(
    expect.arrayContaining(['grpc-status', 'grpc-message', 'grpc-status-details-bin']),
  );
  for (const from of ['https://console.example.evil', 'http://console.example', 'https://evil.example', 'null']) {
    const refused = await preflight(from);
    expect([from, refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([from, 403, null]);
  }
});
