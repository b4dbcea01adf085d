import { serve as serveHono } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { attemptOf, idempotency } from '../../clients/node/hono.ts';
import { describeHttp, type Serve } from './http-suite.ts';
import { partsOf } from './scene.ts';

const serve: Serve = async (client, options, shop) => {
  const app = new Hono();
  const charge = async (context: Context): Promise<Response> => {
    shop.effects += 1;
    shop.lastFencingToken = attemptOf(context)?.fencingToken;
    context.header('location', `/charges/${shop.effects}`);
    context.header('set-cookie', 'session=secret');
    const number = shop.effects;
    return context.json({ number, request: (await context.req.json()) as unknown }, 201);
  };
  app.use(idempotency(client, { ...options, scope: ({ req }) => req.header('tenant') }));
  app.get('/charges', (context) => context.json([]));
  app.post('/charges', charge);
  app.post('/slow', async (context) => {
    shop.waiting += 1;
    await shop.gate;
    return charge(context);
  });
  app.post(
    '/parts',
    () => new Response(ReadableStream.from(partsOf(shop)), { headers: { 'content-type': 'text/plain' } }),
  );
  app.use(async (_, next) => {
    shop.effects += 1;
    await next();
  });
  app.post('/status', async (context) => new Response('as asked', { status: Number(await context.req.text()) }));
  app.post('/stream', () => {
    const parts = ['one ', 'two ', 'three'].map((part) => new TextEncoder().encode(part));
    return new Response(ReadableStream.from(parts), { headers: { 'content-type': 'text/plain' } });
  });
  app.post('/bytes', () => new Response(Uint8Array.from({ length: 256 }, (_, i) => i)));
  app.post('/large', (context) => context.text('x'.repeat(1_000)));
  app.post('/empty', (context) => context.body(null, 204));
  app.post('/throw', () => {
    throw new Error('boom');
  });
  app.onError((_, context) => context.text('broken', 500));
  const server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  if (!server.listening) await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => new Promise((resolve) => server.close(resolve)),
  };
};

describeHttp('Hono', serve);
