// What a stranger can do with HTTP/2 itself (RELIABILITY.md 6.1, row 8): each is cut off, and costs others nothing.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../server/limits.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import {
  callHeaders,
  END_HEADERS,
  FRAME,
  frame,
  headerBlock,
  number32,
  openRaw,
  type RawConnection,
} from '../support/http2-frames.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const PATH = '/onced.v1.IdempotencyService/BeginIntent';
const NO_END = END_HEADERS;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ store: createMemoryStore() });
});
afterAll(async () => server[Symbol.asyncDispose]());

const stillServes = async (): Promise<void> => {
  const key = randomUUID();
  const { outcome } = await server.client.beginIntent({ namespace: 'abuse', key, attemptId: key });
  expect(outcome.case).toBe('acquired');
};

/** Sends until the connection is closed, or so many times. */
async function flood(connection: RawConnection, times: number, bytes: (index: number) => Buffer): Promise<void> {
  for (let index = 0; index < times && !connection.isClosed(); index += 1) {
    await connection.send(bytes(index));
    // Lets the answer in.
    if (index % 16 === 0) await new Promise(setImmediate);
  }
}

const streamOf = (index: number): number => 2 * index + 1;
const headers = (index: number): Buffer =>
  frame(FRAME.headers, { flags: NO_END, stream: streamOf(index), payload: callHeaders(PATH) });
const pings = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => frame(FRAME.ping, { payload: Buffer.alloc(8) })));

describe('a connection is closed', () => {
  const attacks: Readonly<Record<string, (connection: RawConnection) => Promise<void>>> = {
    'that floods with pings': async (connection) => flood(connection, 1000, () => pings(100)),
    'that opens calls and resets them at once': async (connection) =>
      flood(connection, 20_000, (index) =>
        Buffer.concat([headers(index), frame(FRAME.reset, { stream: streamOf(index), payload: number32(8) })]),
      ),
    'that floods with settings and reads no answer': async (connection) => {
      connection.socket.pause();
      await flood(connection, 2000, () =>
        Buffer.concat(
          Array.from({ length: 100 }, () => frame(FRAME.settings, { payload: Buffer.from([0, 4, 0, 0, 255, 255]) })),
        ),
      );
      connection.socket.resume();
    },
    'whose headers never end': async (connection) => {
      await connection.send(frame(FRAME.headers, { stream: 1, payload: callHeaders(PATH) }));
      await flood(connection, 5000, (index) =>
        frame(FRAME.continuation, { stream: 1, payload: headerBlock({ [`x-${index}`]: 'x'.repeat(100) }) }),
      );
    },
    'that opens its window beyond what is allowed': async (connection) =>
      flood(connection, 3, () => frame(FRAME.windowUpdate, { payload: number32(2 ** 31 - 1) })),
    'whose headers are no headers': async (connection) =>
      connection.send(frame(FRAME.headers, { flags: NO_END, stream: 1, payload: Buffer.alloc(64, 0xff) })),
    'that sends a frame larger than agreed': async (connection) =>
      connection.send(frame(FRAME.data, { stream: 1, payload: Buffer.alloc(1024 * 1024) })),
  };

  test.each(Object.entries(attacks))('%s, and others are served', async (_name, attack) => {
    using connection = await openRaw(server.address);
    await attack(connection);
    await connection.closed();
    await stillServes();
  });
});

test('a client that pings with every call, as Go and C++ do to measure the line, is no flood', async () => {
  using connection = await openRaw(server.address);
  const beats = 3 * limits.pingsInRowMax;
  await flood(connection, beats, (index) =>
    Buffer.concat([
      pings(1),
      frame(FRAME.windowUpdate, { payload: number32(1) }),
      frame(FRAME.settings),
      ...(index % 4 === 0 ? [unimplemented(index)] : []),
    ]),
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(connection.isClosed()).toBe(false);
});

/** A whole call, which is answered at once. */
const unimplemented = (index: number): Buffer =>
  frame(FRAME.headers, { flags: END_HEADERS | 1, stream: streamOf(index), payload: callHeaders('/none/None') });

test('more calls at a time than a connection may have wait in the client, and are all answered', async () => {
  const keys = Array.from({ length: 12 }, () => randomUUID());
  const begin = async (key: string, wait = 0) =>
    server.client.beginIntent(
      { namespace: 'abuse', key, attemptId: randomUUID(), wait: { seconds: BigInt(wait), nanos: 0 } },
      { timeoutMs: 60_000 },
    );
  const held = await Promise.all(keys.map(async (key) => begin(key)));
  const waiting = keys.flatMap((key) => Array.from({ length: 100 }, async () => begin(key, 50)));
  const waiters = async (): Promise<number> =>
    (await server.metrics.figures()).counters.find(({ name }) => name === 'onced_waiters')?.value ?? 0;
  const untilMs = performance.now() + 30_000;
  while ((await waiters()) < limits.streamsPerConnectionMax && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await waiters()).toBe(limits.streamsPerConnectionMax);
  const waking = setInterval(() => server.engine.waiters.wakeEverybody({ kind: 'timeout' }), 50);
  const answers = await Promise.all(waiting);
  clearInterval(waking);
  expect(answers.every(({ outcome }) => outcome.case === 'inProgress')).toBe(true);
  expect(held.every(({ outcome }) => outcome.case === 'acquired')).toBe(true);
});
