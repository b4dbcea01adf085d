// What callers hand over stays out of the log, at its most talkative, through every error that a caller can bring about;
// and out of /metrics and of the answers to others.

import { randomBytes, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { OnStoreOutage } from '../../proto/gen/onced/v1/admin_pb.js';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { createLog } from '../../server/log.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { policyMessage } from '../rpc/managed.ts';
import { faultyStore } from '../support/faulty-store.ts';
import { makeFolder, runOnced, serveOnced } from '../support/onced.ts';
import { connect, connectAdmin, startTestServer, type AdminClient, type TestClient } from '../support/server.ts';

vi.setConfig({ testTimeout: 90_000 });

const planted = (what: string): string => `planted-${what}-${randomBytes(9).toString('base64url')}`;
const SECRETS = {
  key: planted('key'),
  result: planted('result'),
  checkpoint: planted('checkpoint'),
  detail: planted('detail'),
  words: planted('words'),
  label: planted('label'),
  digest: planted('digest'),
  adminKey: planted('admin'),
  badKey: `onced_${randomBytes(8).toString('hex')}_${planted('bad')}`,
  badJwt: `${planted('jwt')}.${planted('claims')}.${planted('signature')}`,
  cookie: planted('cookie'),
};

/** As it is, and as it would look in a careless dump of bytes. */
const spellings = (secret: string | Uint8Array): readonly string[] => {
  const bytes = Buffer.from(secret);
  const base64 = bytes.toString('base64').slice(0, 4 * Math.floor(bytes.length / 3));
  return [...(typeof secret === 'string' ? [secret] : []), bytes.toString('hex'), base64];
};

function assertSilent(text: string, secrets: Readonly<Record<string, string | Uint8Array>>): void {
  const found = Object.entries(secrets).filter(([, secret]) =>
    spellings(secret).some((spelled) => text.includes(spelled)),
  );
  expect(found.map(([name]) => name)).toEqual([]);
}

/** Every way that a caller's own call goes wrong, with something planted in it. Returns the lease tokens that were given. */
async function errAlong(client: TestClient, token: string | undefined): Promise<readonly Uint8Array[]> {
  const id = { namespace: 'planted', key: SECRETS.key };
  const options = { token };
  const failing = async (call: Promise<unknown>): Promise<void> => void (await call.catch(() => undefined));
  const fingerprint = (digest: string) => [{ scheme: 's', digest: Buffer.from(digest) }];
  const asked = {
    ...id,
    attemptId: randomUUID(),
    labels: { l: SECRETS.label },
    fingerprints: fingerprint(SECRETS.digest),
  };
  const { outcome } = await client.beginIntent(asked, options);
  if (outcome.case !== 'acquired') throw new Error('not acquired');
  const holder = { ...id, leaseToken: outcome.value.leaseToken };
  const error = { code: 'c', message: SECRETS.words, detail: Buffer.from(SECRETS.detail) };
  await client.checkpoint({ ...holder, data: Buffer.from(SECRETS.checkpoint) }, options);
  // Another request under the key, another holder, fields out of bounds beside good ones.
  await failing(client.beginIntent({ ...asked, attemptId: 'b', fingerprints: fingerprint('other') }, options));
  await failing(client.renew({ ...holder, leaseToken: randomBytes(16) }, options));
  await failing(
    client.complete({ ...holder, result: Buffer.from(SECRETS.result), contentType: SECRETS.words.repeat(50) }, options),
  );
  await failing(client.beginIntent({ ...asked, attemptId: '', owner: SECRETS.words.repeat(50) }, options));
  await failing(client.fail({ ...holder, error, kind: FailKind.UNSPECIFIED }, options));
  await client.complete({ ...holder, result: Buffer.from(SECRETS.result) }, options);
  // Settled with other content, repeated, looked up where nothing is.
  await failing(client.complete({ ...holder, result: Buffer.from(SECRETS.words) }, options));
  await failing(client.fail({ ...holder, error, kind: FailKind.FINAL }, options));
  await failing(client.lookup({ ...id, key: `${SECRETS.key}\n` }, options));
  await failing(client.lookup({ ...id, namespace: 'planted/none' }, options));
  return [outcome.value.leaseToken];
}

/** What operators are shown and hand over, and how their calls go wrong. */
async function operateAlong(
  { client, admin }: { client: TestClient; admin: AdminClient },
  token: string,
): Promise<void> {
  const options = { token };
  const at = { namespace: 'planted', key: 'stuck' };
  const done = { namespace: 'planted', key: SECRETS.key };
  const resolution = { case: 'completed', value: { result: Buffer.from(SECRETS.result) } } as const;
  const failing = async (call: Promise<unknown>): Promise<void> => void (await call.catch(() => undefined));
  await client.beginIntent({ ...at, attemptId: randomUUID(), owner: 'worker' }, options);
  await admin.resolveIntent({ ...at, reason: 'test', resolution, force: true }, options);
  await failing(admin.resolveIntent({ ...done, reason: 'test', resolution }, options));
  await failing(admin.resolveIntent({ ...done, reason: SECRETS.words.repeat(50), resolution }, options));
  await admin.getRecord({ ...done, includeResult: true }, options);
  await failing(admin.getRecord({ ...done, key: `${SECRETS.key}\n` }, options));
  await admin.listRecords({ filter: done }, options);
  await failing(admin.listRecords({ filter: { ...done, owner: SECRETS.words.repeat(50) } }, options));
  await failing(admin.listRecords({ filter: done, pageToken: SECRETS.words }, options));
  await failing(admin.revokeApiKey({ id: SECRETS.badKey, reason: SECRETS.words.repeat(50) }, options));
  await failing(admin.createApiKey({ name: SECRETS.words.repeat(50), grants: [] }, options));
}

test('the log of a server at level trace, its figures and its audit show nothing of it', async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/admin.key`;
  await writeFile(file, SECRETS.adminKey);
  await using server = await serveOnced([
    '--store',
    `sqlite:${folder.path}/onced.db`,
    '--log-level',
    'trace',
    '--admin-key-file',
    file,
  ]);
  const client = connect(server.grpc);
  const environment = { ONCED_SERVER: server.grpc, ONCED_TOKEN: SECRETS.adminKey };
  const made = await runOnced(['token', 'create', 'checkout', '--grant', 'writer:planted/*'], { environment });
  const apiKey = made.stdout.trim();
  const tokens = await errAlong(client, apiKey);
  const admin = connectAdmin(server.grpc);
  await operateAlong({ client, admin }, SECRETS.adminKey);
  const exported = await runOnced(['export', 'planted', '--payloads'], { environment });
  expect(exported.stdout).toContain(SECRETS.key);
  for (const token of [SECRETS.badKey, SECRETS.badJwt, `${apiKey}x`, undefined]) {
    await client.lookup({ namespace: 'planted', key: SECRETS.key }, { token }).catch(() => undefined);
  }
  for (const body of [
    `{"key":"${SECRETS.key}`,
    JSON.stringify({ key: SECRETS.key, nothing: SECRETS.words }),
    SECRETS.result,
  ]) {
    for (const [path, type] of [
      ['Lookup', 'application/json'],
      ['Complete', 'application/proto'],
      ['None', 'text/plain'],
    ]) {
      await fetch(`${server.http}/onced.v1.IdempotencyService/${path}?key=${SECRETS.words}`, {
        method: 'POST',
        body,
        headers: {
          'content-type': type ?? '',
          'connect-protocol-version': '1',
          authorization: `Bearer ${apiKey}`,
          cookie: SECRETS.cookie,
        },
      });
    }
  }
  const figures = await (await fetch(`${server.http}/metrics`)).text();
  const audit = await runOnced(['audit', 'list', '--json'], { environment });
  expect(audit.stdout).toContain('CreateApiKey');
  client.raw.close();
  admin.raw.close();
  server.kill('SIGTERM');
  const { stdout, stderr } = await server.ended;
  const secrets = { ...SECRETS, apiKey: apiKey.split('_').slice(2).join('_'), ...Object.fromEntries(tokens.entries()) };
  expect(stderr.split('\n').filter((line) => line.includes('"rejected"')).length).toBeGreaterThan(8);
  for (const text of [stdout, stderr, figures, audit.stdout]) assertSilent(text, secrets);
});

test('nor does it while the store is away, in answers, retries and the journal', async () => {
  const lines: string[] = [];
  const log = createLog('trace', { write: (line) => void lines.push(line) });
  const faulty = faultyStore(createMemoryStore());
  const journal = { exists: () => false, open: async () => createMemoryStore() };
  const serverPolicy = policyMessage({ onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED });
  const server = await startTestServer({ store: faulty.store, journal, serverPolicy, log });
  const degraded = { ...SECRETS, key: planted('key-degraded') };
  faulty.set('down');
  const tokens = await errAlong(server.client, undefined);
  await server.admin.listRecords({ filter: { namespace: 'planted', key: degraded.key } }).catch(() => undefined);
  faulty.set('up');
  await expect.poll(() => server.engine.outage.kept(), { timeout: 30_000, interval: 100 }).toBe(0);
  await server[Symbol.asyncDispose]();
  expect(lines.join('')).toContain('rejected');
  assertSilent(lines.join(''), { ...degraded, ...Object.fromEntries(tokens.entries()) });
});

test('the search would find each of them: a log line that carries one is seen', () => {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const token = randomBytes(16);
  log.info({ a: SECRETS.key, b: Buffer.from(SECRETS.result).toString('base64'), c: token.toString('hex') }, 'careless');
  for (const secret of [SECRETS.key, SECRETS.result, token]) {
    expect(() => assertSilent(lines.join(''), { secret })).toThrow();
  }
});
