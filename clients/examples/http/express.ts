// A charge that is made once for an Idempotency-Key, with Express.
//
//   ONCED_ADDRESS=127.0.0.1:50051 PORT=3000 node clients/examples/http/express.ts
//   curl -i localhost:3000/charges -H 'idempotency-key: order-17' -H 'content-type: application/json' -d '{"amount":10}'

import express from 'express';
import type { AddressInfo } from 'node:net';
import { attemptOf, idempotency, singleTenant } from '../../node/express.ts';
import { createClient } from '../../node/index.ts';

const onced = createClient({ address: process.env['ONCED_ADDRESS'] ?? '127.0.0.1:50051' });
let charges = 0;

const app = express();
app.use(idempotency(onced, { namespace: 'shop/charges', scope: singleTenant }));
app.use(express.json());
app.post('/charges', (request, response) => {
  charges += 1;
  const { amount } = request.body as { amount: number };
  response.status(201).json({ charge: charges, amount, fencingToken: attemptOf(request)?.fencingToken });
});
const server = app.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/charges`);
});
