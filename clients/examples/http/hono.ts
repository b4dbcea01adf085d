// A charge that is made once for an Idempotency-Key, with Hono. Used like express.ts beside it.

import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { attemptOf, idempotency, singleTenant } from '../../node/hono.ts';
import { createClient } from '../../node/index.ts';

const onced = createClient({ address: process.env['ONCED_ADDRESS'] ?? '127.0.0.1:50051' });
let charges = 0;

const app = new Hono();
app.use(idempotency(onced, { namespace: 'shop/charges', scope: singleTenant }));
app.post('/charges', async (context) => {
  charges += 1;
  const { amount } = await context.req.json<{ amount: number }>();
  return context.json({ charge: charges, amount, fencingToken: attemptOf(context)?.fencingToken }, 201);
});
serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 0), hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}/charges`);
});
