// A faulty network that knows what is a call: between a client of any language and a real server, over gRPC (HTTP/2) and
// HTTP/1.1. It drops, delays and repeats whole requests and replies, as it is told by name of the call or at random.
//
//   node test/clients/faulty-proxy.ts --grpc HOST:PORT --http http://HOST:PORT [--seed N]
//
// It prints one line of JSON, {"grpc": …, "http": …, "control": …, "seed": …}, and ends with its standard input. POST a
// list of faults to `control` to replace those in force, GET it for what fell on no call: see clients/vectors/README.md.

import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { createServer as createTcp, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { createFaults, type Fault } from './faults.ts';
import { joinHttp1 } from './faulty-http1.ts';
import { joinHttp2 } from './faulty-http2.ts';

const { values } = parseArgs({
  options: { grpc: { type: 'string' }, http: { type: 'string' }, seed: { type: 'string' } },
});
const { grpc, http } = values;
if (grpc === undefined || http === undefined) throw new Error('--grpc and --http say where the server is');
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const faults = createFaults(seed);

const control = createHttp((request, response) => {
  if (request.method === 'GET') {
    response.end(JSON.stringify(faults.told()));
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    faults.set(JSON.parse(Buffer.concat(chunks).toString() || '[]') as Fault[]);
    response.writeHead(204).end();
  });
});
const http2 = createTcp();
const upstream = joinHttp2(http2, `http://${grpc}`, faults);
const ports = {
  grpc: `127.0.0.1:${await listen(http2)}`,
  http: `http://127.0.0.1:${await listen(joinHttp1(http, faults))}`,
  control: `http://127.0.0.1:${await listen(control)}`,
  seed,
};
console.log(JSON.stringify(ports));
process.stdin.on('end', () => {
  upstream.close();
  process.exit(0);
});
process.stdin.resume();

async function listen(server: Server | HttpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
