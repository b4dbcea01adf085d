// A worker for orphans in a process of its own, to be killed: ADDRESS NAMESPACE. Settles every other orphan, says so on a
// line each, and never ends the reviews of the others.

import { writeSync } from 'node:fs';
import { createClient } from '../../../clients/node/index.ts';

const [address = '', namespace = ''] = process.argv.slice(2);
const client = createClient({ address });
let reviews = 0;
await client.keepReconciling(
  namespace,
  async ({ key }) => {
    reviews += 1;
    if (reviews % 2 === 0) await new Promise(() => undefined);
    writeSync(1, `${key}\n`);
    return 'found by the first worker';
  },
  // A batch ends only when all of its reviews have: this worker takes one, and stands still with it half way.
  { signal: new AbortController().signal, limit: 20, leaseMs: 1_000 },
);
