// A revoked key is refused on every server within 5 s, also by calls that were let in before.

import { create } from '@bufbuild/protobuf';
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { WatchIntentRequestSchema } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { createAuthenticator } from '../../server/auth/authenticate.ts';
import { limits } from '../../server/limits.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { GRPC_HEADERS, openWire } from '../fuzz/wire.ts';
import { ms, refusal, refusalOf } from '../rpc/scene.ts';
import { metadataOf, startTestServer, type TestServer } from '../support/server.ts';

const ADMIN_KEY = 'the-admin-key-of-this-test';
/** On a busy machine timers are late; what is promised are the 5 s of the limits. */
const PATIENCE = { timeout: 30_000, interval: 100 };

async function twoServers(): Promise<AsyncDisposable & { readonly servers: readonly [TestServer, TestServer] }> {
  const store = createMemoryStore();
  const start = async (): Promise<TestServer> =>
    startTestServer({
      store,
      identifyBy: ({ apiKeys }) =>
        createAuthenticator({ apiKeys, adminKey: ADMIN_KEY, verifyJwt: undefined, certificates: new Map() }),
    });
  const servers = [await start(), await start()] as const;
  return {
    servers,
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server[Symbol.asyncDispose]();
    },
  };
}

const id = { namespace: 'payments', key: 'order-1' };

test('what is read again and asked again stays within 5 s together', () => {
  expect(limits.apiKeysReadMs + limits.identityMsMax).toBeLessThan(5000);
});

test('a key revoked on one server is refused by the other, in new calls and in those that last', async () => {
  await using scene = await twoServers();
  const [first, second] = scene.servers;
  const { record, secret: token } = await first.engine.apiKeys.create({
    name: 'test',
    grants: [{ role: 'writer', pattern: '*' }],
    expireMs: 0,
  });
  const begin = async (attemptId: string) =>
    second.client.beginIntent({ ...id, attemptId, wait: ms(6000) }, { token, timeoutMs: 40_000 });
  await expect
    .poll(
      async () =>
        begin('a').then(
          ({ outcome }) => outcome.case,
          () => 'refused',
        ),
      PATIENCE,
    )
    .toBe('acquired');
  const watched = ended(second, token);
  const session = sessionEnded(second.address, token);
  const waiting = refusal(begin('b'));
  await first.admin.revokeApiKey({ id: record.id }, { token: ADMIN_KEY });
  expect((await refusal(first.client.lookup(id, { token }))).reason).toBe('UNAUTHENTICATED');
  await expect
    .poll(
      async () =>
        second.client.lookup(id, { token }).then(
          () => 'OK',
          (error: unknown) => refusalOf(error as ServiceError).reason,
        ),
      PATIENCE,
    )
    .toBe('UNAUTHENTICATED');
  expect(await watched).toBe('UNAUTHENTICATED');
  expect(await session).toBe(16);
  // Nobody settles the key: the wait is over by its own time, and then the caller is not known any more.
  expect((await waiting).reason).toBe('UNAUTHENTICATED');
}, 90_000);

/** The reason that a watch ends with. */
async function ended({ client }: TestServer, token: string): Promise<string> {
  const raw = client.raw as unknown as Record<string, (...args: object[]) => ClientReadableStream<object>>;
  const stream = raw['watchIntent']?.bind(raw)(create(WatchIntentRequestSchema, id), metadataOf({ token }));
  return new Promise((resolve) => {
    stream?.on('data', () => undefined);
    stream?.on('error', (error) => resolve(refusalOf(error as ServiceError).reason));
  });
}

/** The status that a silent session ends with. */
async function sessionEnded(address: string, token: string): Promise<number> {
  const wire = openWire(address);
  const path = '/onced.v1.IdempotencyService/Session';
  const stream = wire.session.request({ ...GRPC_HEADERS, ':path': path, authorization: `Bearer ${token}` });
  stream.resume();
  const status = await new Promise<number>((resolve) => {
    const read = (headers: Record<string, unknown>): void => {
      if (headers['grpc-status'] !== undefined) resolve(Number(headers['grpc-status']));
    };
    stream.on('response', read);
    stream.on('trailers', read);
  });
  wire.close();
  return status;
}
