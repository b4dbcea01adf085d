// A charge that is made once for an Idempotency-Key, with Fastify. Used like express.ts beside it.

import { fastify } from 'fastify';
import { attemptOf, idempotency, singleTenant } from '../../node/fastify.ts';
import { createClient } from '../../node/index.ts';

const onced = createClient({ address: process.env['ONCED_ADDRESS'] ?? '127.0.0.1:50051' });
let charges = 0;

const app = fastify();
await app.register(idempotency(onced, { namespace: 'shop/charges', scope: singleTenant }));
app.post('/charges', async (request, reply) => {
  charges += 1;
  const { amount } = request.body as { amount: number };
  void reply.code(201);
  return { charge: charges, amount, fencingToken: attemptOf(request)?.fencingToken };
});
const url = await app.listen({ port: Number(process.env['PORT'] ?? 0), host: '127.0.0.1' });
console.log(`${url}/charges`);
