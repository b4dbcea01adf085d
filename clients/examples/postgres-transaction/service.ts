// The service: reads transfers as JSON, one a line, and writes a receipt for each. It may be killed at any moment and the
// same lines given to it again: each transfer happens once.
//
//   echo '{"id":"t-1","from":"ada","to":"bob","cents":500}' | \
//     DATABASE_URL=postgres://… ONCED_ADDRESS=127.0.0.1:50051 node clients/examples/postgres-transaction/service.ts

import { createInterface } from 'node:readline';
import { Pool } from 'pg';
import { createClient } from '../../node/index.ts';
import { transferOnce, type Transfer } from './transfer.ts';

const SCHEMA = `
create table if not exists accounts (name text primary key, cents bigint not null);
create table if not exists transfers (
  id text not null, from_account text not null, to_account text not null, cents bigint not null
)`;

const pool = new Pool({ connectionString: process.env['DATABASE_URL'], application_name: 'transfers' });
// Postgres may be restarted while nobody asks; the next transfer connects again.
pool.on('error', (error) => console.error(error.message));
const onced = createClient({ address: process.env['ONCED_ADDRESS'] ?? '127.0.0.1:50051' });

await pool.query(SCHEMA);
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(await transferOnce(onced, pool, JSON.parse(line) as Transfer)));
  } catch (error) {
    console.error(`not done, try again: ${error instanceof Error ? error.message : String(error)}`);
  }
}
onced.close();
await pool.end();
