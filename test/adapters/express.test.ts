import express, { type ErrorRequestHandler, type Request, type Response } from 'express';
import type { AddressInfo } from 'node:net';
import { attemptOf, idempotency } from '../../clients/node/express.ts';
import { describeHttp, type Serve } from './http-suite.ts';

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
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

describeHttp('Express', serve);
