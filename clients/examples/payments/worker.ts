// The service in a process of its own, which may be killed at any moment: worker.ts take-over|hold ONCED PROVIDER.

import { createClient } from '../../node/index.ts';
import { payAfterAsking, payOnce, startEndpoint } from './endpoint.ts';

const [policy, address = '', providerUrl = ''] = process.argv.slice(2);
const place = { providerUrl, onced: createClient({ address }), namespace: `demo/${policy}` };
const endpoint = await startEndpoint(policy === 'hold' ? payOnce(place) : payAfterAsking(place));
console.log(endpoint.url);
// Whoever started it is gone.
process.stdin.resume().on('end', () => process.exit(0));
