// The example service as it would be without the function: it commits its rows, then tells Onced. What the test compares to.

import { createInterface } from 'node:readline';
import { Pool } from 'pg';
import {
  inTransaction,
  moveMoney,
  NAMESPACE,
  type Transfer,
} from '../../../clients/examples/postgres-transaction/transfer.ts';
import { createClient } from '../../../clients/node/index.ts';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'], application_name: 'transfers' });
const onced = createClient({ address: process.env['ONCED_ADDRESS'] ?? '' });

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const transfer = JSON.parse(line) as Transfer;
  const id = { namespace: NAMESPACE, key: transfer.id };
  const begun = await onced.begin(id);
  if (begun.kind !== 'acquired') throw new Error(`transfer ${transfer.id} is ${begun.kind}`);
  const receipt = await inTransaction(pool, (database) => moveMoney(database, transfer));
  await onced.complete({ ...id, leaseToken: begun.leaseToken, result: Buffer.from(JSON.stringify(receipt)) });
  console.log(JSON.stringify(receipt));
}
