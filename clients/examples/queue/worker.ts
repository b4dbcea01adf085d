// A worker of a queue that may deliver a message more than once. The queue here is a file of messages in SQS' shape, one a line
// on standard input; feed it the same lines again, and nothing is charged again.
//
//   echo '{"MessageId":"m-1","Body":"order-17"}' | ONCED_ADDRESS=127.0.0.1:50051 node clients/examples/queue/worker.ts

import { createInterface } from 'node:readline';
import { createClient } from '../../node/index.ts';
import { RefusedError, sqsHandler, type SqsMessage } from '../../node/queue.ts';

const onced = createClient({ address: process.env['ONCED_ADDRESS'] ?? '127.0.0.1:50051' });

const handle = sqsHandler(onced, { namespace: 'shop/orders' }, ({ Body }, { fencingToken }) => {
  console.log(`charged ${Body}, fencing token ${fencingToken}`);
});

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as SqsMessage;
  try {
    await handle(message);
    console.log(`delete ${message.MessageId}`);
  } catch (error) {
    const isDead = error instanceof RefusedError;
    console.log(`${isDead ? 'dead letter' : 'deliver again'} ${message.MessageId}: ${String(error)}`);
  }
}
onced.close();
