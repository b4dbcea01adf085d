// 200,000 inputs that no well-meaning client sends, to one real server: it answers each, calls none of them its own fault,
// and is afterwards what it was before.

import { create, toBinary, type DescMethod } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { AdminService } from '../../proto/gen/onced/v1/admin_pb.js';
import { IdempotencyService } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { createRandom, seedsToTry } from '../model/random.ts';
import { makeFolder, serveOnced, type Folder, type Served } from '../support/onced.ts';
import { fuzzFrames, fuzzHttp1 } from './frames.ts';
import { createJsonFuzz } from './json.ts';
import { mutated, noise } from './mutate.ts';
import { fuzzSession, fuzzSessionBytes } from './session.ts';
import { createValues } from './values.ts';
import { openWire, type Reply, type Wire } from './wire.ts';

vi.setConfig({ testTimeout: 300_000 });

/** ONCED_FUZZ_SCALE=10 makes ten times as many. */
const SCALE = Number(process.env['ONCED_FUZZ_SCALE'] ?? 1);
const INPUTS_MIN = 200_000;
const COUNTS = { operations: 172_000, messages: 17_000, metadata: 3000, json: 6000, frames: 6000, requests: 200 };
/** The share that warms the server up, before its memory is measured the first time. */
const FIRST_ROUND = 0.25;
const AT_A_TIME = 64;
const FRAMES_PER_CONNECTION = 40;
const [UNKNOWN, INTERNAL] = [2, 13];
/** A leak of a kilobyte an input would need twice as much, and end the process. */
const HEAP_MB = 96;
/** Of what the process holds beside its heap too: half a kilobyte an input would show. */
const GROWTH_MB_MAX = 128;
const ONCED = new URL('../../cli/main.ts', import.meta.url).pathname;

const [seed = 0] = seedsToTry('fuzz', 1);
const random = createRandom(seed);
const values = createValues(random);
const methods: readonly DescMethod[] = [...IdempotencyService.methods, ...AdminService.methods].filter(
  // A session has a test of its own, a watch or a tail of events lasts.
  ({ methodKind }) => methodKind !== 'bidi_streaming',
);

let folder: Folder;
let server: Served;
let wires: readonly Wire[];
let inputs = 0;
let firstMb = 0;
const codes = new Map<number, number>();
beforeAll(async () => {
  folder = await makeFolder();
  const program = [process.execPath, `--max-old-space-size=${HEAP_MB}`, ONCED, 'serve'] as const;
  server = await serveOnced(['--store', 'memory:', '--log-level', 'error'], { folder: folder.path, program });
  wires = Array.from({ length: 4 }, () => openWire(server.grpc));
});
afterAll(async () => {
  if (server.stderr() !== '') console.log(`the server said: ${server.stderr().slice(0, 4000)}`);
  for (const wire of wires) wire.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function onCode(code: number, what: string): void {
  inputs += 1;
  codes.set(code, (codes.get(code) ?? 0) + 1);
  if (code === UNKNOWN || code === INTERNAL) expect.fail(`${what} was answered with code ${code} (seed ${seed})`);
}

/** `count` inputs, some at a time. */
async function each(count: number, send: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await send(next++);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
}

const wireOf = (index: number): Wire => wires[index % wires.length] ?? expect.fail('no connection');
const pathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;
const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));

/** An answer must have a status: a stream that is reset without one looks like UNKNOWN to a client. */
function assertAnswered({ status, message }: Reply, what: string): void {
  if (status === undefined) expect.fail(`${what} got no status (seed ${seed})`);
  onCode(status, `${what} (${message})`);
}

async function residentMb(): Promise<number> {
  const scrape = await (await fetch(`${server.http}/metrics`)).text();
  const [, bytes = ''] = /^process_resident_memory_bytes (\S+)$/m.exec(scrape) ?? [];
  return Number(bytes) / 2 ** 20;
}

/** What is sent, by kind; each sends a share of its count. */
const SENDERS: Readonly<Record<string, (share: number) => Promise<void>>> = {
  async 'random operations, packed into sessions'(share) {
    const count = Math.ceil((COUNTS.operations * share) / wires.length);
    await Promise.all(wires.map(async (wire) => fuzzSession(wire, count, { random, values, onCode })));
  },

  async 'messages of every call, whole and damaged, and bytes that are none'(share) {
    await each(COUNTS.messages * share, async (index) => {
      if (random.chance(0.1)) {
        const status = await fuzzSessionBytes(wireOf(index), { random, values, onCode });
        onCode(status ?? UNKNOWN, 'a damaged Session message');
        return;
      }
      const method = random.pick(methods);
      const whole = toBinary(method.input, create(method.input, values.message(method.input)));
      const damaged = random.chance(0.8) ? mutated(random, whole) : noise(random, 200);
      const body = random.chance(0.3) ? Buffer.from(whole) : damaged;
      // A watch of a key in progress lasts.
      const lasting = { headers: { 'grpc-timeout': '300m' }, deadlineMs: 600 };
      const options = method.methodKind === 'unary' ? {} : lasting;
      const what = `${method.name} ${body.toString('hex').slice(0, 200)}`;
      assertAnswered(await wireOf(index).call(pathOf(method), body, options), what);
    });
  },

  async 'metadata of every sort'(share) {
    await each(COUNTS.metadata * share, async (index) => {
      const value = (): string => (random.chance(0.5) ? random.pick(ODD_VALUES) : random.hex(random.between(1, 300)));
      const pairs = Array.from({ length: random.between(1, 6) }, () => [random.pick(HEADERS), value()] as const);
      const headers = Object.fromEntries(pairs);
      const path = '/onced.v1.IdempotencyService/Lookup';
      assertAnswered(
        await wireOf(index).call(path, Buffer.alloc(0), { headers }),
        `metadata ${JSON.stringify(headers)}`,
      );
    });
  },

  async 'JSON of every call, whole and damaged, and other bodies over HTTP'(share) {
    const fuzz = createJsonFuzz(server.http, { random, values });
    await each(COUNTS.json * share, async () => {
      const method = random.pick(methods);
      const { status, code, trace } = await fuzz.send(method);
      inputs += 1;
      const isOurFault = status === 500 || code === 'internal' || code === 'unknown';
      if (isOurFault)
        expect.fail(`${method.name} by HTTP was answered with ${status} ${code} (seed ${seed}): ${trace}`);
    });
    fuzz.close();
  },

  async 'HTTP/2 frames and HTTP/1 requests that make no sense'(share) {
    await each((COUNTS.frames * share) / FRAMES_PER_CONNECTION, async () => {
      await fuzzFrames(portOf(server.grpc), FRAMES_PER_CONNECTION, random);
      inputs += FRAMES_PER_CONNECTION;
    });
    await each(COUNTS.requests * share, async () => {
      await fuzzHttp1(portOf(server.http), random);
      inputs += 1;
    });
  },
};

const HEADERS = [
  'authorization',
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  'grpc-tags-bin',
  'x-bin',
  'x',
  'cookie',
  'traceparent',
  'user-agent',
];
const ODD_VALUES = [
  '',
  ' ',
  '1',
  '-1S',
  '99999999999H',
  'gzip',
  'identity',
  'Bearer ',
  'Bearer \u00ff',
  '='.repeat(50),
  'a'.repeat(3000),
  '%00',
];

test('a first round of everything', async () => {
  for (const send of Object.values(SENDERS)) await send(FIRST_ROUND * SCALE);
  firstMb = await residentMb();
});

test.each(Object.entries(SENDERS))('%s', async (_, send) => send((1 - FIRST_ROUND) * SCALE));

test('afterwards it serves as before, logged no fault of its own, and has not grown', async () => {
  const lastMb = await residentMb();
  const counts = [...codes].toSorted(([a], [b]) => a - b).map(([code, count]) => `${code}: ${count}`);
  const grown = `${Math.round(firstMb)} MB after the first round, ${Math.round(lastMb)} MB at the end`;
  console.log(`fuzz: ${inputs} inputs; answers by gRPC code ${counts.join(', ')}; ${grown}`);
  expect(inputs).toBeGreaterThanOrEqual(INPUTS_MIN * Math.min(1, SCALE));
  expect(lastMb - firstMb).toBeLessThan(GROWTH_MB_MAX);
  const reply = await wireOf(0).call('/onced.v1.IdempotencyService/GetServerInfo', Buffer.alloc(0));
  expect(reply.status).toBe(0);
  expect(server.stderr()).toBe('');
});
