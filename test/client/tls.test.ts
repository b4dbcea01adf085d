// TLS between the client and a real listener: a certificate that is trusted, one that is not, and a client's own.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ServerCredentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createClient, UnreachableError, type TlsOptions } from '../../clients/node/index.ts';
import { openEngine } from '../../server/engine.ts';
import { startGrpc } from '../../server/grpc.ts';
import { createMetrics } from '../../server/metrics.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { makeFolder } from '../support/onced.ts';
import { rejection } from './support/scene.ts';

interface Pair {
  readonly key: Buffer;
  readonly certificate: Buffer;
}

/** A certificate that vouches for itself. */
async function makePair(folder: string, name: string): Promise<Pair> {
  const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  await promisify(execFile)('openssl', [...request, ...names, '-keyout', key, '-out', certificate]);
  return { key: await readFile(key), certificate: await readFile(certificate) };
}

test('a client speaks to a server that it trusts and that trusts it, and to no other', async () => {
  await using folder = await makeFolder();
  const [own, other] = await Promise.all([makePair(folder.path, 'onced.test'), makePair(folder.path, 'other.test')]);
  const log = pino({ level: 'silent' });
  const store = createMemoryStore();
  const { engine, stop } = await openEngine({ store, metrics: createMetrics(), log });
  const pair = { private_key: own.key, cert_chain: own.certificate };
  const credentials = ServerCredentials.createSsl(own.certificate, [pair], true);
  const listener = await startGrpc({ engine, log, address: '127.0.0.1:0', credentials });
  const info = async (tls: TlsOptions): Promise<string> => {
    using client = createClient({ address: listener.address, tls, token: 'secret', transport: 'unary' });
    return (await client.serverInfo()).store;
  };
  const mutual = { privateKey: own.key, certificateChain: own.certificate };
  try {
    expect(await info({ ...mutual, rootCertificates: own.certificate, serverName: 'onced.test' })).toBe('memory');
    const refused = [
      { ...mutual, rootCertificates: other.certificate, serverName: 'onced.test' },
      { ...mutual, rootCertificates: own.certificate, serverName: 'elsewhere.test' },
      { rootCertificates: own.certificate, serverName: 'onced.test' },
    ];
    for (const tls of refused) expect(await rejection(info(tls))).toBeInstanceOf(UnreachableError);
  } finally {
    await stop();
    await listener.drain(1_000);
    await store.close();
  }
});
