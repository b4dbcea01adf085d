// A response that a service in Go, Java or Python has stored is replayed by Node: by the same vectors that their own tests
// store.

import express from 'express';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { deriveKey } from '../../clients/node/index.ts';
import { idempotency } from '../../clients/node/express.ts';
import { freshNamespace, send, setOnced } from './scene.ts';

interface Vectors {
  readonly http_requests: readonly {
    readonly target: string;
    readonly body: string;
    readonly scheme: string;
    readonly digest: string;
  }[];
  readonly http_responses: readonly { readonly status: number; readonly body: string; readonly stored: string }[];
}

const FILE = new URL('../../clients/vectors/adapters.json', import.meta.url);
const { http_requests: requests, http_responses: responses } = JSON.parse(readFileSync(FILE, 'utf8')) as Vectors;
const onced = setOnced();

test.each(responses)('a response stored in another language is replayed: $name', async ({ status, body, stored }) => {
  const [request] = requests;
  if (request === undefined) throw new Error('no request');
  const { scheme, digest } = request;
  const place = { namespace: freshNamespace(), key: deriveKey('order-17', 'acme') };
  const fingerprints = [{ scheme, digest: new Uint8Array(Buffer.from(digest, 'hex')) }];
  const begun = await onced.client.begin({ ...place, fingerprints });
  if (begun.kind !== 'acquired') throw new Error(begun.kind);
  const labels = { 'http.status': String(status) };
  const result = new Uint8Array(Buffer.from(stored));
  await onced.client.complete({ ...place, leaseToken: begun.leaseToken, result, contentType: 'message/http', labels });

  const app = express();
  app.use(idempotency(onced.client, { namespace: place.namespace, scope: () => 'acme' }));
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${request.target}`;
  const reply = await send(url, { key: 'order-17', body: request.body });
  server.closeAllConnections();
  server.close();
  expect([reply.status, reply.body.toString(), reply.headers.get('idempotency-replayed')]).toEqual([
    status,
    body,
    'true',
  ]);
  for (const [, name = '', value = ''] of stored.slice(0, stored.indexOf('\r\n\r\n')).matchAll(/\n([\w-]+): (.*)/gu))
    expect(reply.headers.get(name)).toContain(value);
});
