// The HTTP listener against clients that behave and clients that do not.

import { connect as connectSocket, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { startHttp, text, type HttpListener, type Page } from '../../server/http.ts';

/** More than the buffers of both sockets hold. */
const LARGE_BYTES = 64 * 1024 * 1024;

const listeners: HttpListener[] = [];
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

async function listen(extra: Partial<Parameters<typeof startHttp>[0]> = {}): Promise<number> {
  const pages = new Map<string, Page>([
    ['/', () => text(200, 'front')],
    ['/large', () => text(200, 'x'.repeat(LARGE_BYTES))],
    ['/broken', () => Promise.reject(new Error('planted driver text'))],
  ]);
  const log = pino({ level: 'silent' });
  const listener = await startHttp({ address: { host: '127.0.0.1', port: 0 }, pages, log, ...extra });
  listeners.push(listener);
  return listener.address.port;
}

/** Sends bytes and gives back all that comes until the other side closes. */
async function exchange(port: number, request: string): Promise<string> {
  const socket = connectSocket(port, '127.0.0.1');
  socket.write(request);
  return untilClosed(socket);
}

async function untilClosed(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

const get = (path: string, ...headers: string[]): string =>
  `${[`GET ${path} HTTP/1.1`, 'host: x', 'connection: close', ...headers].join('\r\n')}\r\n\r\n`;

test('every answer protects the browser that shows it', async () => {
  const port = await listen();
  for (const path of ['/', '/nothing', '/broken']) {
    const { headers } = await fetch(`http://127.0.0.1:${port}${path}`);
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('access-control-allow-origin')).toBeNull();
  }
});

test('a path that is not there gets 404 and what is, another method 405 and what is allowed', async () => {
  const port = await listen();
  const missing = await fetch(`http://127.0.0.1:${port}/admin`);
  expect(missing.status).toBe(404);
  expect(await missing.text()).toContain('there is /, /large, /broken');
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const refused = await fetch(`http://127.0.0.1:${port}/`, { method });
    expect(refused.status).toBe(405);
    expect(refused.headers.get('allow')).toBe('GET, HEAD');
  }
});

test('HEAD gets the headers of GET and no body; a query changes nothing', async () => {
  const port = await listen();
  const head = await fetch(`http://127.0.0.1:${port}/?a=b`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '6', '']);
});

test('a page that fails answers 500 and tells nothing of why', async () => {
  const port = await listen();
  const failed = await fetch(`http://127.0.0.1:${port}/broken`);
  expect([failed.status, await failed.text()]).toEqual([500, 'internal error\n']);
});

test('too many headers, too large headers and too large bodies are refused, the last allowed ones are not', async () => {
  const port = await listen();
  const extra = (count: number): string[] => Array.from({ length: count }, (_, index) => `x-${index}: 1`);
  expect(await exchange(port, get('/', ...extra(62)))).toMatch(/^HTTP\/1\.1 200 /);
  expect(await exchange(port, get('/', ...extra(63)))).toMatch(/^HTTP\/1\.1 431 /);
  expect(await exchange(port, get('/', `x: ${'y'.repeat(17 * 1024)}`))).toMatch(/^HTTP\/1\.1 431 /);
  expect(await exchange(port, get('/', 'content-length: 65537'))).toMatch(/^HTTP\/1\.1 413 /);
});

test('what is no HTTP is refused, and smuggled requests are not seen as requests', async () => {
  const port = await listen();
  expect(await exchange(port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).not.toContain(' 200 ');
  expect(await exchange(port, '\0\u0001\u0002garbage\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  const both = get('/', 'content-length: 5', 'transfer-encoding: chunked');
  expect(await exchange(port, `${both}0\r\n\r\n${get('/large')}`)).toMatch(/^HTTP\/1\.1 400 /);
  // A body that is not read must not be taken for the next request.
  const inside = get('/nothing');
  const carried = `GET / HTTP/1.1\r\nhost: x\r\ncontent-length: ${inside.length}\r\n\r\n${inside}`;
  const answers = await exchange(port, carried);
  expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
});

test('whoever sends its headers too slowly is cut off', async () => {
  const port = await listen({ headersMsMax: 300 });
  const socket = connectSocket(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n');
  const startMs = performance.now();
  expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 408 /);
  expect(performance.now() - startMs).toBeLessThan(5000);
});

test('whoever reads its answer too slowly is cut off', async () => {
  const port = await listen({ requestMsMax: 500, headersMsMax: 400 });
  const socket = connectSocket(port, '127.0.0.1');
  socket.write(get('/large'));
  socket.pause();
  // Longer than the bound, with nothing read; then only what the kernel held can still come.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  socket.resume();
  expect((await untilClosed(socket)).length).toBeLessThan(LARGE_BYTES);
});

test('closing answers what is under way and lets idle connections go', async () => {
  let answer = (): void => undefined;
  const slow = new Promise<void>((resolve) => (answer = resolve));
  const pages = new Map<string, Page>([['/slow', () => slow.then(() => text(200, 'late'))]]);
  const port = await listen({ pages });
  const idle = connectSocket(port, '127.0.0.1');
  const underWay = fetch(`http://127.0.0.1:${port}/slow`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const closed = listeners.pop()?.close();
  answer();
  expect(await (await underWay).text()).toBe('late\n');
  await closed;
  expect(await untilClosed(idle)).toBe('');
});

test('a connection beyond the most of its address is closed, another address is served', async () => {
  const port = await listen({ connectionsPerAddressMax: 2 });
  const sockets: Socket[] = [];
  const isTaken = async (localAddress: string): Promise<boolean> => {
    const socket = connectSocket({ port, host: '127.0.0.1', localAddress });
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write('HEAD / HTTP/1.1\r\nhost: x\r\n\r\n');
    return new Promise((resolve) => {
      socket.once('data', () => resolve(true)).once('close', () => resolve(false));
    });
  };
  for (const taken of [true, true, false]) expect(await isTaken('127.0.0.1')).toBe(taken);
  expect(await isTaken('127.0.0.2')).toBe(true);
  sockets[0]?.destroy();
  await expect.poll(() => isTaken('127.0.0.1')).toBe(true);
  for (const socket of sockets) socket.destroy();
});
