// The example's transfers in a process that starts in a third of the time, to be killed often: it begins over HTTP and JSON.

import { createInterface } from 'node:readline';
import { Pool } from 'pg';
import { transferOnce, type Transfer } from '../../../clients/examples/postgres-transaction/transfer.ts';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'], application_name: 'transfers' });

interface BeginAnswer {
  readonly acquired?: { readonly leaseToken: string };
}

/** All that transferOnce asks of a client, for a key that nobody else wants. */
const onced: Parameters<typeof transferOnce>[0] = {
  async begin({ namespace, key, leaseMs = 0 }) {
    const response = await fetch(`${process.env['ONCED_HTTP']}/onced.v1.IdempotencyService/BeginIntent`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'connect-protocol-version': '1' },
      body: JSON.stringify({ namespace, key, attemptId: key, lease: `${leaseMs / 1000}s` }),
    });
    const { acquired } = (await response.json()) as BeginAnswer;
    if (acquired === undefined) throw new Error(`${key} was not acquired: ${response.status}`);
    return { kind: 'acquired', leaseToken: Buffer.from(acquired.leaseToken, 'base64') } as never;
  },
};

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await transferOnce(onced, pool, JSON.parse(line) as Transfer)));
}
