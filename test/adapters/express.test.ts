import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { readFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { Readable, pipeline } from 'node:stream';
import { attemptOf, idempotency } from '../../clients/node/express.ts';
import { expect, test } from 'vitest';
import { until } from '../client/support/scene.ts';
import { describeHttp, type Serve } from './http-suite.ts';
import { freshNamespace, openShop, partsOf, send, setOnced, type Service } from './scene.ts';

const serve: Serve = async (client, options, shop) => {
  const app = express();
  const charge = (request: Request, response: Response): void => {
    shop.effects += 1;
    shop.lastFencingToken = attemptOf(request)?.fencingToken;
    response.status(201).location(`/charges/${shop.effects}`).cookie('session', 'secret', { path: '' });
    response.set('set-cookie', 'session=secret').json({ number: shop.effects, request: request.body as unknown });
  };
  app.use(idempotency<Request>(client, { ...options, scope: (request) => request.get('tenant') }));
  app.use(express.json({ strict: false }));
  app.get('/charges', (_, response) => void response.json([]));
  app.post('/charges', charge);
  app.post('/slow', (request, response) => {
    shop.waiting += 1;
    void shop.gate.then(() => charge(request, response));
  });
  app.post('/parts', (_, response, next) => {
    pipeline(Readable.from(partsOf(shop)), response.type('text'), (error) => void (error && next(error)));
  });
  app.use((_, __, next) => {
    shop.effects += 1;
    next();
  });
  app.post('/status', (request, response) => void response.status(Number(request.body)).send('as asked'));
  app.post('/stream', (_, response) => {
    response.type('text').write('one ');
    setImmediate(() => {
      response.write(Buffer.from('two '));
      response.end('three');
    });
  });
  app.post('/bytes', (_, response) => void response.send(Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i))));
  app.post('/large', (_, response) => void response.send('x'.repeat(1_000)));
  app.post('/empty', (_, response) => void response.status(204).end());
  app.post('/throw', () => {
    throw new Error('boom');
  });
  const quiet: ErrorRequestHandler = (_, __, response, ___) => void response.status(500).send('broken');
  app.use(quiet);
  return listen(app);
};

async function listen(app: Express): Promise<Service & AsyncDisposable> {
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

describeHttp('Express', serve);

const onced = setOnced();

test('a caller who hangs up before the handler runs releases the key', async () => {
  const open = Promise.withResolvers<void>();
  let asked = 0;
  const scope = async (): Promise<string> => {
    asked += 1;
    await open.promise;
    return 'acme';
  };
  let effects = 0;
  let closed = 0;
  const app = express();
  app.use((_, response, next) => {
    response.once('close', () => (closed += 1));
    next();
  });
  app.use(idempotency(onced.client, { namespace: freshNamespace(), scope }), express.json());
  app.post(
    '/',
    (request, response) => void response.json({ number: (effects += 1), request: request.body as unknown }),
  );
  await using service = await listen(app);
  const leaving = new AbortController();
  const first = send(service.url, { key: 'k', signal: leaving.signal });
  await until(() => asked === 1);
  leaving.abort();
  await expect(first).rejects.toThrow();
  await until(() => closed === 1);
  open.resolve();
  let again = await send(service.url, { key: 'k' });
  await until(async () => (again = await send(service.url, { key: 'k' })).status !== 409);
  expect([again.status, again.body.toString()]).toEqual([200, '{"number":1,"request":{"amount":10}}']);
});

test('a file that is sent to a caller who has left is kept for the next', async () => {
  const open = Promise.withResolvers<void>();
  const shop = { ...openShop(), gate: open.promise };
  const app = express();
  app.use(idempotency(onced.client, { namespace: freshNamespace(), scope: () => 'acme' }));
  app.post('/', async (_, response) => {
    shop.waiting += 1;
    await shop.gate;
    shop.effects += 1;
    response.sendFile(import.meta.filename);
  });
  await using service = await listen(app);
  const leaving = new AbortController();
  const first = send(service.url, { key: 'k', signal: leaving.signal });
  await until(() => shop.waiting === 1);
  leaving.abort();
  await expect(first).rejects.toThrow();
  await new Promise((resolve) => setTimeout(resolve, 50));
  open.resolve();
  let again = await send(service.url, { key: 'k' });
  await until(async () => (again = await send(service.url, { key: 'k' })).status !== 409);
  expect([again.status, again.body, shop.effects]).toEqual([200, readFileSync(import.meta.filename), 1]);
});

test.each<[string, (request: Request, response: Response) => void]>([
  ['destroys its response', (_, response) => void response.destroy(new Error('the source broke'))],
  ['fails once it has written', () => void expect.fail('the source broke')],
])('a handler that %s holds the key', async (_, breakOff) => {
  let effects = 0;
  const app = express();
  app.set('env', 'test');
  app.use(idempotency(onced.client, { namespace: freshNamespace(), scope: () => 'acme' }));
  app.post('/', (request, response) => {
    effects += 1;
    response.write('one ');
    breakOff(request, response);
  });
  await using service = await listen(app);
  await expect(send(service.url, { key: 'k' })).rejects.toThrow();
  let again = await send(service.url, { key: 'k' });
  await until(async () => (again = await send(service.url, { key: 'k' })).headers.get('retry-after') === null);
  expect([again.status, again.body.toString(), effects]).toEqual([409, expect.stringContaining('outcome-unknown'), 1]);
});

test('a caller who hangs up in a response that is too large to keep leaves it recorded', async () => {
  let effects = 0;
  const app = express();
  app.use(idempotency(onced.client, { namespace: freshNamespace(), scope: () => 'acme', responseBytesMax: 10 }));
  app.post('/', (_, response) => {
    effects += 1;
    pipeline(Readable.from(endless()), response, () => {});
  });
  await using service = await listen(app);
  const leaving = new AbortController();
  const first = await fetch(service.url, {
    method: 'POST',
    headers: { 'idempotency-key': 'k' },
    signal: leaving.signal,
  });
  expect(first.status).toBe(200);
  leaving.abort();
  let again = await send(service.url, { key: 'k', body: '', headers: { 'content-type': '' } });
  await until(async () => {
    again = await send(service.url, { key: 'k', body: '', headers: { 'content-type': '' } });
    return again.status !== 409;
  });
  expect([again.status, effects]).toEqual([410, 1]);
});

async function* endless(): AsyncGenerator<string> {
  for (;;) {
    yield 'more and more ';
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('middleware that came before sees the head and the end of each response, and pipelined ones are all answered', async () => {
  const seen: string[] = [];
  const app = express();
  app.use((request, response, next) => {
    const original = { writeHead: response.writeHead.bind(response), end: response.end.bind(response) };
    const name = String(request.headers['idempotency-key']);
    response.writeHead = (...rest: unknown[]) => {
      seen.push(`${name} head`);
      return Reflect.apply(original.writeHead, response, rest) as typeof response;
    };
    response.end = (...rest: unknown[]) => {
      seen.push(`${name} end`);
      return Reflect.apply(original.end, response, rest) as typeof response;
    };
    next();
  });
  app.use(idempotency(onced.client, { namespace: freshNamespace(), scope: () => 'acme' }));
  app.post('/', (_, response) => void setTimeout(() => response.send('done'), 20));
  await using service = await listen(app);
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
  const ask = (key: string): string => `POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: ${key}\r\n\r\n`;
  let received = '';
  socket.on('data', (data) => (received += data.toString()));
  socket.write(ask('a') + ask('b'));
  await until(() => received.split('done').length === 3);
  socket.destroy();
  expect(seen.toSorted()).toEqual(['a end', 'a head', 'b end', 'b head']);
});
