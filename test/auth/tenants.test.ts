// Two tenants with the same keys, 100,000 tries of one in the other's namespaces: nothing leaks, the store is not touched.

import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import {
  FailKind,
  SessionRequestSchema,
  SessionResponseSchema,
  type OperationSchema,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { createRandom, seedsToTry, type Random } from '../model/random.ts';
import { createUnframer, framed, GRPC_HEADERS, openWire } from '../fuzz/wire.ts';
import { openAuthScene, type AuthScene } from './scene.ts';

const TRIES = 100_000;
const PACK = 250;
const KEYS = 50;
const SECRET = 'the secret of blue';

/** Namespaces of blue that exist, that do not, and names that look like red's. */
const FOREIGN = ['blue', 'blue/orders', 'blue/none', 'bluered', 'redx', 'red.x', 're', 'r', 'b', ''];

/** Blue's records: settled, in progress and failed, each with something to leak. */
async function fill(scene: AuthScene, token: string): Promise<readonly Uint8Array[]> {
  const { client } = scene.server;
  const tokens: Uint8Array[] = [];
  for (let index = 0; index < KEYS; index += 1) {
    const id = { namespace: index % 2 === 0 ? 'blue' : 'blue/orders', key: `k${index}` };
    const { outcome } = await client.beginIntent(
      { ...id, attemptId: 'a', owner: SECRET, labels: { SECRET } },
      { token },
    );
    if (outcome.case !== 'acquired') throw new Error('not acquired');
    const holder = { ...id, leaseToken: outcome.value.leaseToken };
    tokens.push(holder.leaseToken);
    if (index % 3 === 0) await client.complete({ ...holder, result: Buffer.from(SECRET) }, { token });
    else await client.checkpoint({ ...holder, data: Buffer.from(SECRET) }, { token });
  }
  return tokens;
}

type OperationInit = MessageInitShape<typeof OperationSchema>;

/** Each call that a session packs, with blue's own keys and tokens. */
function tryOf(id: number, random: Random, tokens: readonly Uint8Array[]): OperationInit {
  const at = { namespace: random.pick(FOREIGN), key: `k${random.between(0, KEYS)}` };
  const holder = { ...at, leaseToken: random.pick(tokens) };
  const operation = random.pick<OperationInit['operation'] & object>([
    { case: 'beginIntent', value: { ...at, attemptId: random.pick(['a', 'b']) } },
    { case: 'lookup', value: { ...at, includeResult: true } },
    { case: 'complete', value: { ...holder, result: Buffer.from('stolen') } },
    { case: 'fail', value: { ...holder, kind: FailKind.UNKNOWN, error: { code: 'x' } } },
    { case: 'renew', value: holder },
    { case: 'checkpoint', value: { ...holder, data: Buffer.from('x') } },
  ]);
  return { id: BigInt(id), operation };
}

test(`${TRIES} tries in foreign namespaces, by every call of a session, are denied before the store is asked`, async () => {
  const [seed = 0] = seedsToTry('tenants', 1);
  const random = createRandom(seed);
  await using scene = await openAuthScene();
  const red = await scene.keyOf({ role: 'writer', pattern: 'red/*' });
  const tokens = await fill(scene, await scene.keyOf({ role: 'writer', pattern: 'blue/*' }));
  const before = scene.touches();
  const wire = openWire(scene.server.address);
  const headers = { ...GRPC_HEADERS, ':path': '/onced.v1.IdempotencyService/Session', authorization: `Bearer ${red}` };
  const stream = wire.session.request(headers);
  const codes = new Map<number, number>();
  let leaked = '';
  let answered = 0;
  await new Promise<void>((resolve, reject) => {
    const send = (): void => {
      const operations = Array.from({ length: PACK }, (_, index) => tryOf(answered + index, random, tokens));
      stream.write(framed(toBinary(SessionRequestSchema, create(SessionRequestSchema, { operations }))));
    };
    const unframe = createUnframer((bytes) => {
      if (bytes.includes(SECRET)) leaked = bytes.toString('latin1');
      for (const { result } of fromBinary(SessionResponseSchema, bytes).results) {
        answered += 1;
        const code = result.case === 'error' ? result.value.code : 0;
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (answered % PACK === 0 && answered < TRIES) send();
      }
      if (answered >= TRIES) resolve();
    });
    stream.on('data', unframe);
    stream.on('close', () => reject(new Error(`the session ended after ${answered} answers`)));
    stream.on('error', reject);
    send();
  });
  wire.close();
  expect(leaked).toBe('');
  expect([...codes]).toEqual([[PERMISSION_DENIED, TRIES]]);
  expect(scene.touches()).toBe(before);
}, 180_000);

const PERMISSION_DENIED = 7;
