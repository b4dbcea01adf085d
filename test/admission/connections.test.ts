// How many connections there may be, and how long one lives.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createClient } from '../../clients/node/index.ts';
import type { GrpcOptions } from '../../server/grpc.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const start = async (connections: GrpcOptions['connections']): Promise<TestServer> =>
  startTestServer({ store: createMemoryStore(), connections });

const portOf = (server: TestServer): number => Number(server.address.split(':').at(-1));

/** Resolves to whether the server says hello or closes. */
async function isTaken(server: TestServer, localAddress = '127.0.0.1'): Promise<{ taken: boolean; socket: Socket }> {
  const socket = connectSocket({ port: portOf(server), host: '127.0.0.1', localAddress });
  closers.push(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const taken = await Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
  return { taken, socket };
}

async function openHttp2(
  server: TestServer,
): Promise<{ session: ClientHttp2Session; events: string[]; closed: Promise<unknown> }> {
  const session = connectHttp2(`http://${server.address}`);
  closers.push(() => session.destroy());
  const events: string[] = [];
  session.on('error', () => undefined);
  session.on('goaway', (code) => events.push(`goaway ${code}`));
  const closed = once(session, 'close').then(() => events.push('close'));
  await once(session, 'remoteSettings');
  return { session, events, closed };
}

test('a connection beyond the most is closed, and one that leaves makes room', async () => {
  await using server = await start({ connectionsMax: 3 });
  const first = await Promise.all([isTaken(server), isTaken(server), isTaken(server)]);
  expect(first.map(({ taken }) => taken)).toEqual([true, true, true]);
  expect((await isTaken(server)).taken).toBe(false);
  first[0]?.socket.destroy();
  await untilTrue(async () => (await isTaken(server)).taken);
});

test('a connection beyond the most of its address is closed, another address is served', async () => {
  await using server = await start({ connectionsPerAddressMax: 2 });
  const first = await Promise.all([isTaken(server), isTaken(server)]);
  expect(first.map(({ taken }) => taken)).toEqual([true, true]);
  expect((await isTaken(server)).taken).toBe(false);
  expect((await isTaken(server, '127.0.0.2')).taken).toBe(true);
  first[0]?.socket.destroy();
  await untilTrue(async () => (await isTaken(server)).taken);
});

async function untilTrue(condition: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`not within 30 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('an idle connection is told to go, one with a call in it is not', async () => {
  await using server = await start({ idleMsMax: 400 });
  const idle = await openHttp2(server);
  const busy = await openHttp2(server);
  const request = busy.session.request({
    ':method': 'POST',
    ':path': '/onced.v1.IdempotencyService/Session',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  request.on('error', () => undefined);
  await idle.closed;
  expect(idle.events).toContain('goaway 0');
  expect(busy.events).toEqual([]);
});

test('an old connection is told to go; what is left of it after the grace is cut off', async () => {
  await using server = await start({ ageMsMax: 300, graceMs: 300 });
  const key = randomUUID();
  const begin = async (wait: bigint) =>
    server.client.beginIntent({ namespace: 'old', key, attemptId: randomUUID(), wait: { seconds: wait, nanos: 0 } });
  await begin(0n);
  const { events, closed } = await openHttp2(server);
  const waiting = begin(10n).then(
    () => 'answered',
    () => 'cut off',
  );
  await closed;
  expect(events[0]).toBe('goaway 0');
  expect(await waiting).toBe('cut off');
});

test.each(['session', 'unary'] as const)(
  'a client over %s notices nothing of its connections growing old',
  async (transport) => {
    await using server = await start({ ageMsMax: 600 });
    const client = createClient({ address: server.address, transport });
    closers.push(() => client.close());
    let sessions = 0;
    const untilMs = performance.now() + 2500;
    const lane = async (): Promise<void> => {
      while (performance.now() < untilMs) {
        const place = { namespace: 'old', key: randomUUID() };
        const begun = await client.begin(place);
        if (begun.kind !== 'acquired') throw new Error(begun.kind);
        await client.complete({ ...place, leaseToken: begun.leaseToken, result: new Uint8Array() });
        sessions += 1;
      }
    };
    await Promise.all(Array.from({ length: 32 }, lane));
    expect(sessions).toBeGreaterThan(100);
  },
);
