import { fastify as createFastify, type FastifyReply, type FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { attemptOf, idempotency } from '../../clients/node/fastify.ts';
import { describeHttp, type Serve } from './http-suite.ts';
import { partsOf } from './scene.ts';

const serve: Serve = async (client, options, shop) => {
  const app = createFastify();
  const charge = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    shop.effects += 1;
    shop.lastFencingToken = attemptOf(request)?.fencingToken;
    void reply.code(201).header('location', `/charges/${shop.effects}`).header('set-cookie', 'session=secret');
    return { number: shop.effects, request: request.body };
  };
  const scope = (request: FastifyRequest): string => String(request.headers['tenant'] ?? '');
  await app.register(idempotency(client, { ...options, scope }));
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  app.get('/charges', async () => []);
  app.post('/charges', charge);
  app.post('/slow', async (request, reply) => {
    shop.waiting += 1;
    await shop.gate;
    return charge(request, reply);
  });
  app.post('/parts', async (_, reply) => reply.type('text/plain').send(Readable.from(partsOf(shop))));
  app.post('/status', async (request, reply) => {
    shop.effects += 1;
    return reply.code(Number(request.body)).type('text/plain').send('as asked');
  });
  app.post('/stream', async (_, reply) => {
    shop.effects += 1;
    return reply
      .type('text/plain')
      .send(Readable.from([Buffer.from('one '), Buffer.from('two '), Buffer.from('three')]));
  });
  app.post('/bytes', async () => {
    shop.effects += 1;
    return Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i));
  });
  app.post('/large', async () => {
    shop.effects += 1;
    return 'x'.repeat(1_000);
  });
  app.post('/empty', async (_, reply) => {
    shop.effects += 1;
    return reply.code(204).send();
  });
  app.post('/throw', async () => {
    shop.effects += 1;
    throw new Error('boom');
  });
  return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: async () => app.close() };
};

describeHttp('Fastify', serve);
