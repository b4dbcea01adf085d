// Bad input is refused by name and limit, writes nothing, and leaves the server as it was.

import { randomUUID } from 'node:crypto';
import { credentials, makeGenericClientConstructor, Metadata, status as Code, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { bytes, ms, openScene, refusal, refusalOf, type BeginInit, type Refusal, type RpcScene } from './scene.ts';

let scene: RpcScene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(async () => {
  // Whatever came before: it still serves, and nothing of it was written.
  const { records } = await scene.server.admin.listRecords({ filter: { keyPrefix: 'bad' } });
  expect(records).toEqual([]);
  await scene.acquire({ key: 'still serving' });
  await scene[Symbol.asyncDispose]();
});

const long = (length: number): string => 'x'.repeat(length);
const seconds = (value: bigint, nanos = 0): { seconds: bigint; nanos: number } => ({ seconds: value, nanos });
const labels = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, 'v']));
const fingerprints = (count: number): { scheme: string; digest: Uint8Array }[] =>
  Array.from({ length: count }, (_, index) => ({ scheme: `s${index}`, digest: bytes('d') }));

describe('a begin', () => {
  const cases: readonly (readonly [string, BeginInit, string, RegExp])[] = [
    ['an empty key', { key: '' }, 'key', /empty or only blanks/],
    ['a blank key', { key: ' \t ' }, 'key', /empty or only blanks/],
    ['a key of blanks beyond ASCII', { key: '\u2003\u00a0' }, 'key', /empty or only blanks/],
    ['a key of 513 bytes', { key: `bad${long(510)}` }, 'key', /512 bytes.*found 513/],
    ['a key of 129 emoji', { key: '😀'.repeat(129) }, 'key', /512 bytes.*found 516/],
    ['a key with NUL', { key: 'bad\0' }, 'key', /control characters/],
    ['a key with a line feed', { key: 'bad\n' }, 'key', /control characters/],
    ['a key with DEL', { key: 'bad\x7f' }, 'key', /control characters/],
    ['no namespace', { namespace: '' }, 'namespace', /required/],
    ['a namespace in capitals', { namespace: 'Payments' }, 'namespace', /a-z 0-9/],
    ['a namespace that starts with a slash', { namespace: '/a' }, 'namespace', /start with/],
    ['a namespace of 129 bytes', { namespace: long(129) }, 'namespace', /128 bytes.*129/],
    ['an attempt id with NUL', { attemptId: 'a\0' }, 'attempt_id', /NUL/],
    ['an owner with NUL', { owner: 'a\0' }, 'owner', /NUL/],
    ['a label with NUL', { labels: { a: '\0' } }, 'labels["a"]', /NUL/],
    ['no attempt id', { attemptId: '' }, 'attempt_id', /required/],
    ['an attempt id of 65 bytes', { attemptId: long(65) }, 'attempt_id', /64 bytes.*65/],
    ['an owner of 257 bytes', { owner: long(257) }, 'owner', /256 bytes.*257/],
    ['a lease of 0', { lease: ms(0) }, 'lease', /100 ms to 1 d, found 0 ms/],
    ['a lease of 99 ms', { lease: ms(99) }, 'lease', /100 ms to 1 d, found 99 ms/],
    ['a lease of 25 h', { lease: ms(90_000_000) }, 'lease', /100 ms to 1 d, found 25 h/],
    ['a negative lease', { lease: seconds(-5n) }, 'lease', /found -5 s/],
    ['a lease with nanos out of range', { lease: seconds(5n, 2_000_000_000) }, 'lease', /100 ms to 1 d/],
    ['a lease with nanos of the wrong sign', { lease: seconds(5n, -1) }, 'lease', /100 ms to 1 d/],
    ['a lease of 2^62 seconds', { lease: seconds(2n ** 62n) }, 'lease', /100 ms to 1 d/],
    ['a ttl below 1 s', { ttl: ms(999) }, 'ttl', /1 s to 400 d, found 999 ms/],
    ['a ttl of 401 d', { ttl: ms(401 * 86_400_000) }, 'ttl', /1 s to 400 d, found 401 d/],
    ['a wait of 61 s', { wait: ms(61_000) }, 'wait', /0 ms to 60 s, found 61 s/],
    ['a negative wait', { wait: seconds(-1n) }, 'wait', /found -1 s/],
    ['17 labels', { labels: labels(17) }, 'labels', /at most 16, found 17/],
    ['a label without a name', { labels: { '': 'v' } }, 'labels', /empty name/],
    ['a label name of 65 bytes', { labels: { [long(65)]: 'v' } }, 'labels name', /64 bytes.*65/],
    ['a label value of 257 bytes', { labels: { a: long(257) } }, 'labels["a"]', /256 bytes.*257/],
    ['5 fingerprints', { fingerprints: fingerprints(5) }, 'fingerprints', /at most 4, found 5/],
    ['an empty digest', { fingerprints: [{ scheme: 's', digest: bytes('') }] }, 'fingerprints[0].digest', /empty/],
    [
      'a digest of 65 bytes',
      { fingerprints: [{ scheme: 's', digest: bytes(long(65)) }] },
      'fingerprints[0].digest',
      /64/,
    ],
    [
      'a scheme with blanks',
      { fingerprints: [{ scheme: 'a b', digest: bytes('d') }] },
      'fingerprints[0].scheme',
      /a-z/,
    ],
  ];
  test.each(cases)('with %s is refused', async (_, init, field, message) => {
    const refused = await refusal(scene.begin({ key: `bad-${randomUUID()}`, ...init }));
    expect(refused).toMatchObject({ code: Code.INVALID_ARGUMENT, reason: 'INVALID_FIELD' });
    expect(refused.fields).toContain(field);
    expect(refused.message).toMatch(message);
  });

  test('with several wrong fields is told of all of them', async () => {
    const refused = await refusal(scene.begin({ key: 'bad', attemptId: '', lease: ms(0), owner: long(300) }));
    expect(refused.fields).toEqual(expect.arrayContaining(['attempt_id', 'lease', 'owner']));
  });

  test.each([
    ['512 bytes', long(512)],
    ['128 emoji', '😀'.repeat(128)],
    ['blanks inside', 'a b'],
    ['braces', '{a}{b}'],
  ])('takes a key of %s', async (_, key) => {
    await scene.acquire({ key });
  });
});

describe('a holder', () => {
  test('with a result of 257 KiB is refused, and with 256 KiB taken', async () => {
    const holder = scene.holder(await scene.acquire({ key: 'big' }), 'big');
    const refused = await refusal(scene.client.complete({ ...holder, result: new Uint8Array(257 * 1024) }));
    expect(refused).toMatchObject({ code: Code.INVALID_ARGUMENT, fields: ['result'] });
    expect(refused.message).toMatch(/262144 bytes, found 263168/);
    await scene.client.complete({ ...holder, result: new Uint8Array(256 * 1024) });
  });

  test('with a checkpoint of 16 KiB and a byte, a token of 15 bytes or an unknown kind is refused', async () => {
    const holder = scene.holder(await scene.acquire({ key: 'small' }), 'small');
    const data = new Uint8Array(16 * 1024 + 1);
    expect((await refusal(scene.client.checkpoint({ ...holder, data }))).fields).toEqual(['data']);
    const short = { ...holder, leaseToken: new Uint8Array(15) };
    expect((await refusal(scene.client.renew(short))).fields).toEqual(['lease_token']);
    expect((await refusal(scene.client.fail({ ...holder, kind: 99 as never }))).fields).toEqual(['kind']);
    expect((await refusal(scene.client.fail({ ...holder }))).fields).toEqual(['kind']);
  });

  test('that fails for good without an error, or with a delay, is refused', async () => {
    const holder = scene.holder(await scene.acquire({ key: 'final' }), 'final');
    const refused = await refusal(scene.client.fail({ ...holder, kind: FailKind.FINAL, retryAfter: ms(5) }));
    expect(refused.fields).toEqual(expect.arrayContaining(['error', 'retry_after']));
  });
});

describe('an operator', () => {
  const odd = { 'nanos out of range': seconds(0n, 2_000_000_000), 'negative nanos': seconds(1n, -5) };

  test.each(Object.entries(odd))('with a duration that has %s is told which', async (_, duration) => {
    const filter = { namespace: scene.namespace, ageMin: duration };
    expect((await refusal(scene.server.admin.listRecords({ filter }))).fields).toEqual(['filter.age_min']);
    const policy = { lease: duration };
    const put = scene.server.admin.putNamespace({ namespace: 'bad/policy', policy, reason: 'test' });
    expect((await refusal(put)).fields).toEqual(['lease']);
  });

  test('with a filter of NUL, or longer than any key or owner, is told which', async () => {
    const filter = { namespace: scene.namespace, keyPrefix: 'a\0', owner: long(257), key: long(513) };
    const refused = await refusal(scene.server.admin.listRecords({ filter }));
    expect(refused.fields.toSorted()).toEqual(['filter.key', 'filter.key_prefix', 'filter.owner']);
  });
});

describe('bytes that are no message', () => {
  const raw = async (body: Buffer, metadata = new Metadata()): Promise<Refusal> => {
    const path = '/onced.v1.IdempotencyService/BeginIntent';
    const pass = (value: Buffer): Buffer => value;
    const Raw = makeGenericClientConstructor({}, 'raw');
    const client = new Raw(scene.server.address, credentials.createInsecure());
    try {
      return await new Promise<Refusal>((resolve, reject) => {
        client.makeUnaryRequest(path, pass, pass, body, metadata, (error: ServiceError | null) => {
          if (error === null) reject(new Error('it was answered'));
          else resolve(refusalOf(error));
        });
      });
    } finally {
      client.close();
    }
  };

  test.each([
    ['a field number of 0', Buffer.from([0x00, 0x01])],
    ['a length past the end', Buffer.from([0x0a, 0x7f, 0x61])],
    ['an endless varint', Buffer.alloc(16, 0xff)],
    ['text', Buffer.from('GET / HTTP/1.1')],
    ['broken UTF-8 in a key', Buffer.from([0x12, 0x02, 0xc3, 0x28])],
    ['a lone surrogate in a key', Buffer.from([0x12, 0x03, 0xed, 0xa0, 0x80])],
  ])('such as %s are refused', async (_, body) => {
    const refused = await raw(body);
    expect(refused).toMatchObject({ code: Code.INVALID_ARGUMENT, reason: 'INVALID_FIELD' });
  });

  test('nothing at all is a request without a key', async () => {
    expect((await raw(Buffer.alloc(0))).fields).toEqual(expect.arrayContaining(['namespace', 'key']));
  });

  test('beside a grpc-timeout that is none are refused by its name', async () => {
    const metadata = new Metadata();
    metadata.set('grpc-timeout', 'soon');
    expect(await raw(Buffer.alloc(0), metadata)).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      fields: ['grpc-timeout'],
    });
  });

  test('5 MiB are more than is read', async () => {
    const refused = await raw(Buffer.alloc(5 * 1024 * 1024));
    expect(refused.code).toBe(Code.RESOURCE_EXHAUSTED);
    expect(refused.message).toMatch(/4194304/);
  });

  test('100 KB of metadata are refused by name and limit', async () => {
    const metadata = new Metadata();
    for (let index = 0; index < 50; index += 1) metadata.set(`x-${index}`, long(2000));
    const refused = await raw(Buffer.alloc(0), metadata);
    expect([Code.INVALID_ARGUMENT, Code.RESOURCE_EXHAUSTED]).toContain(refused.code);
    expect(refused.message).toMatch(/metadata/);
  });
});
