// TLS on both listeners, callers known by their certificates, and new certificates without a restart.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect as connectTls, createSecureContext, type SecureContextOptions } from 'node:tls';
import { promisify } from 'node:util';
import { credentials, status as Code, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { watchSecureContext } from '../../server/tls.ts';
import { refusal } from '../rpc/scene.ts';
import { makeFolder, runOnced, serveOnced, type Folder, type Served } from '../support/onced.ts';
import { connect, OWN_CONNECTION, type TestClient } from '../support/server.ts';

vi.setConfig({ testTimeout: 90_000 });

let folder: Folder;
let server: Served;
beforeAll(async () => {
  folder = await makeFolder();
  await makeAuthority('ca');
  await makeAuthority('stranger');
  await makeCertificate('server', 'ca', 'IP:127.0.0.1');
  await makeCertificate('checkout', 'ca', 'URI:spiffe://shop/checkout');
  await makeCertificate('nobody', 'ca', 'URI:spiffe://shop/nobody');
  await makeCertificate('forged', 'stranger', 'URI:spiffe://shop/checkout');
  await writeFile(at('principals.yaml'), 'URI:spiffe://shop/checkout: [writer:payments/*]\n');
  const files = { certificate: 'server.pem', key: 'server.key', 'client-ca': 'ca.pem' };
  const flags = Object.entries(files).flatMap(([name, file]) => [`--tls-${name}`, at(file)]);
  const principals = ['--principals-file', at('principals.yaml')];
  server = await serveOnced(['--store', 'memory:', '--log-level', 'error', ...flags, ...principals]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const at = (name: string): string => `${folder.path}/${name}`;
const openssl = async (...args: string[]): Promise<unknown> =>
  promisify(execFile)('openssl', args, { cwd: folder.path });
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

async function makeAuthority(name: string): Promise<void> {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
  await openssl('req', '-x509', ...NEW_KEY, '-days', '1', '-subj', `/CN=${name}`, ...files);
}

async function makeCertificate(name: string, authority: string, alternativeName: string): Promise<void> {
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${alternativeName}`];
  await openssl('req', ...NEW_KEY, ...subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  const signer = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-copy_extensions', 'copy'];
  await openssl('x509', '-req', '-days', '1', '-in', `${name}.csr`, ...signer, '-out', `${name}.pem`);
}

async function clientOf(name: string | undefined): Promise<TestClient> {
  const authority = await readFile(at('ca.pem'));
  const pair =
    name === undefined
      ? ([null, null] as const)
      : ([await readFile(at(`${name}.key`)), await readFile(at(`${name}.pem`))] as const);
  return connect(server.grpc, OWN_CONNECTION, credentials.createSsl(authority, ...pair));
}

async function begin(name: string | undefined, namespace = 'payments/charge'): Promise<unknown> {
  const client = await clientOf(name);
  try {
    return await client.beginIntent({ namespace, key: randomUUID(), attemptId: 'a' }, { timeoutMs: 20_000 });
  } finally {
    client.raw.close();
  }
}

test('a certificate’s alternative name is the caller, with its grants and no others', async () => {
  expect(await begin('checkout')).toMatchObject({ outcome: { case: 'acquired' } });
  expect((await refusal(begin('checkout', 'refunds'))).reason).toBe('PERMISSION_DENIED');
});

test('a certificate without a principal is nobody', async () => {
  expect((await refusal(begin('nobody'))).reason).toBe('UNAUTHENTICATED');
});

test.each([
  ['without a certificate', undefined],
  ['with one that another authority signed', 'forged'],
])('a caller %s gets no connection', async (_, name) => {
  const error = await begin(name).then(
    () => expect.fail('it was answered'),
    (thrown: unknown) => thrown as ServiceError,
  );
  expect([Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED]).toContain(error.code);
});

/** Status of /healthz, over TLS that trusts our authority. */
async function health(): Promise<number> {
  const ca = await readFile(at('ca.pem'));
  return new Promise((resolve, reject) => {
    request(`${server.http}/healthz`, { ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

test('the command line shows its certificate too', async () => {
  const files = ['--ca', at('ca.pem'), '--client-certificate', at('checkout.pem'), '--client-key', at('checkout.key')];
  const found = await runOnced(['lookup', 'payments', 'none', '--server', server.grpc, ...files]);
  expect(found).toMatchObject({ code: 1, stderr: expect.stringContaining('not found') as string });
  const without = await runOnced([
    'lookup',
    'payments',
    'none',
    '--server',
    server.grpc,
    ...files.slice(0, 2),
    '--timeout',
    '5',
  ]);
  expect(without.code).toBe(3);
});

test('HTTP is served over TLS only', async () => {
  expect(server.http).toMatch(/^https:/);
  expect(await health()).toBe(200);
  await expect(fetch(server.http.replace('https:', 'http:'))).rejects.toThrow();
});

/** Serial number of the certificate that a new connection is shown. */
async function serialAt(address: string): Promise<string> {
  const [host = '', port = ''] = address.split(':');
  const pair = { cert: await readFile(at('checkout.pem')), key: await readFile(at('checkout.key')) };
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { host, port: Number(port), ca: [], rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'], ...pair },
      () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

test('new certificate files are shown by both listeners without a restart, and who is connected stays so', async () => {
  const client = await clientOf('checkout');
  const lookup = async (): Promise<string> =>
    (await refusal(client.lookup({ namespace: 'payments', key: 'none' }))).reason;
  expect(await lookup()).toBe('INTENT_NOT_FOUND');
  const addresses = [server.grpc, server.http.replace('https://', '')];
  const before = await Promise.all(addresses.map(serialAt));
  await makeCertificate('next', 'ca', 'IP:127.0.0.1');
  await rename(at('next.key'), at('server.key'));
  await rename(at('next.pem'), at('server.pem'));
  for (const [index, address] of addresses.entries()) {
    await expect.poll(async () => serialAt(address), { timeout: 30_000, interval: 500 }).not.toBe(before[index]);
  }
  expect(await begin('checkout')).toMatchObject({ outcome: { case: 'acquired' } });
  expect(await health()).toBe(200);
  expect(await lookup()).toBe('INTENT_NOT_FOUND');
  client.raw.close();
});

test('a certificate that is there before its key is taken when the key follows', async () => {
  const [certificate, key] = [at('slow.pem'), at('slow.key')];
  await makeCertificate('slow', 'ca', 'IP:127.0.0.1');
  await makeCertificate('later', 'ca', 'IP:127.0.0.1');
  vi.useFakeTimers();
  try {
    const taken: SecureContextOptions[] = [];
    // As a listener does: it throws while the two do not belong together.
    const take = (context: SecureContextOptions): void => void (createSecureContext(context), taken.push(context));
    const stop = watchSecureContext({ certificate, key, clientCa: undefined }, take);
    copyFileSync(at('later.pem'), certificate);
    vi.advanceTimersByTime(60_000);
    expect(taken).toEqual([]);
    copyFileSync(at('later.key'), key);
    vi.advanceTimersByTime(60_000);
    expect(taken).toHaveLength(1);
    stop();
  } finally {
    vi.useRealTimers();
  }
});
