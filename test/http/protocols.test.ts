// Both services over HTTP as browsers may speak them: Connect and gRPC-Web, each in JSON and in binary.

import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AdminService } from '../../proto/gen/onced/v1/admin_pb.js';
import { IdempotencyService } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import { limits } from '../../server/limits.ts';
import { makeFolder, serveOnced, type Folder, type Served } from '../support/onced.ts';

let folder: Folder;
let server: Served;
beforeAll(async () => {
  folder = await makeFolder();
  server = await serveOnced(['--store', 'memory:', '--log-level', 'error'], { folder: folder.path });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const MAKERS = { Connect: createConnectTransport, 'gRPC-Web': createGrpcWebTransport };

describe.each([
  ['Connect', true],
  ['Connect', false],
  ['gRPC-Web', true],
  ['gRPC-Web', false],
] as const)('%s (binary: %s)', (protocol, useBinaryFormat) => {
  const namespace = `test/${protocol.toLowerCase()}/${useBinaryFormat ? 'binary' : 'json'}`;
  const transport = (): Transport => MAKERS[protocol]({ baseUrl: server.http, httpVersion: '1.1', useBinaryFormat });

  test('a key is begun and completed, watched to its outcome, listed and counted', async () => {
    const idempotency = createClient(IdempotencyService, transport());
    const admin = createClient(AdminService, transport());
    const id = { namespace, key: 'order-1' };
    const { outcome } = await idempotency.beginIntent({ ...id, attemptId: 'a' });
    if (outcome.case !== 'acquired') expect.fail(`it was answered ${outcome.case ?? 'nothing'}`);
    const { leaseToken } = outcome.value;
    await idempotency.complete({ ...id, leaseToken, result: Uint8Array.of(0, 255) });
    const states: (IntentState | undefined)[] = [];
    for await (const { record } of idempotency.watchIntent(id)) states.push(record?.summary?.state);
    expect(states).toEqual([IntentState.COMPLETED]);
    const { record } = await idempotency.lookup({ ...id, includeResult: true });
    expect([...(record?.result ?? [])]).toEqual([0, 255]);
    const { records } = await admin.listRecords({ filter: { namespace } });
    expect(records.map(({ summary }) => summary?.key)).toEqual(['order-1']);
    const counts: bigint[] = [];
    for await (const { matched } of admin.purgeRecords({ filter: { namespace }, dryRun: true })) counts.push(matched);
    expect(counts.at(-1)).toBe(1n);
  });

  test('a message of more bytes than a request may have is refused, one of a result’s size is read', async () => {
    const idempotency = createClient(IdempotencyService, transport());
    const completing = async (length: number): Promise<Code | undefined> =>
      idempotency
        .complete({ namespace, key: 'none', leaseToken: Uint8Array.of(1), result: new Uint8Array(length) })
        .then(() => undefined)
        .catch((error: unknown) => ConnectError.from(error).code);
    expect(await completing(limits.requestBytesMax)).toBe(Code.ResourceExhausted);
    expect(await completing(1024)).not.toBe(Code.ResourceExhausted);
  });
});

test('an answer of the API protects the browser that shows it', async () => {
  const headers = { 'content-type': 'application/json', 'connect-protocol-version': '1' };
  const url = `${server.http}/onced.v1.IdempotencyService/GetServerInfo`;
  const answer = await fetch(url, { method: 'POST', headers, body: '{}' });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('cache-control')).toBe('no-store');
});
