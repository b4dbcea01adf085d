// The service behind Restate: a handler that does nothing but answer, so that what is measured is Restate itself.

import { createServer } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { requirePeer } from '../harness/install.ts';

interface RestateSdk {
  service(definition: {
    name: string;
    handlers: Record<string, (context: unknown, input: unknown) => Promise<unknown>>;
  }): unknown;
  createEndpointHandler(options: {
    services: unknown[];
  }): (request: Http2ServerRequest, response: Http2ServerResponse) => void;
}

const restate = requirePeer('@restatedev/restate-sdk') as RestateSdk;
const charge = restate.service({ name: 'charge', handlers: { run: async () => ({ status: 'done' }) } });
const server = createServer(restate.createEndpointHandler({ services: [charge] }));
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`);
});
process.on('SIGTERM', () => process.exit(0));
