// Encryption at rest: what lies on the disk says nothing, the right key opens it, any other is refused aloud.

import { randomBytes, randomUUID } from 'node:crypto';
import { cp, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { OnStoreOutage } from '../../proto/gen/onced/v1/admin_pb.js';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { limits } from '../../server/limits.ts';
import { sealedAlone } from '../../server/sealing/sealing.ts';
import { openWrappingKeys } from '../../server/sealing/wrapping-keys.ts';
import type { Key, Namespace, Store } from '../../storage/contract/index.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { openManaged, type Managed } from '../rpc/managed.ts';
import { bytes, refusal } from '../rpc/scene.ts';
import { faultyStore } from '../support/faulty-store.ts';
import { makeFolder, runOnced } from '../support/onced.ts';
import { filesWith, newSealingKey, silent, wrappingKeysIn } from './scene.ts';

// Long enough that no page of a file splits all of its spellings.
const secret = (what: string): string => `planted ${what} ${what} ${what}`;
const SECRETS = ['result', 'checkpoint', 'detail', 'degraded', 'archived'].map(secret);

const openFile = async (folder: string): Promise<Store> => openSqliteStore({ path: `${folder}/onced.db` });

/** A key with each kind of payload: a result, a checkpoint of one in progress, the detail of a failure. */
async function plant(scene: Managed): Promise<void> {
  const { client } = scene;
  const done = scene.holder(await scene.acquire({ key: 'done' }), 'done');
  await client.checkpoint({ ...done, data: bytes(secret('checkpoint')) });
  await client.complete({ ...done, result: bytes(secret('result')), contentEncoding: 'identity' });
  const failed = scene.holder(await scene.acquire({ key: 'failed' }), 'failed');
  await client.fail({ ...failed, kind: FailKind.FINAL, error: { code: 'no', detail: bytes(secret('detail')) } });
  const held = scene.holder(await scene.acquire({ key: 'held' }), 'held');
  await client.checkpoint({ ...held, data: bytes(secret('checkpoint')) });
}

const resultOf = async (scene: Managed, key = 'done'): Promise<string> => {
  const { outcome } = await scene.begin({ key });
  return outcome.case === 'completed' ? Buffer.from(outcome.value.result).toString() : String(outcome.case);
};

test('neither the file nor its log shows a result, a checkpoint or an error’s detail; callers get them as they were', async () => {
  await using folder = await makeFolder();
  const wrapping = await wrappingKeysIn(folder.path);
  await using scene = await openManaged({ store: await openFile(folder.path), wrapping });
  await plant(scene);
  // While it is open everything is still in the log; a copy is what a thief of the disk has.
  await using stolen = await makeFolder();
  await cp(folder.path, stolen.path, { recursive: true });
  expect(await filesWith(stolen.path, ['done'])).not.toEqual([]);
  expect(await filesWith(stolen.path, SECRETS)).toEqual([]);
  expect(await resultOf(scene)).toBe(secret('result'));
  const failed = await scene.begin({ key: 'failed' });
  expect(failed.outcome.case === 'failed' && Buffer.from(failed.outcome.value.error?.detail ?? []).toString()).toBe(
    secret('detail'),
  );
  const { namespace } = scene;
  const { record } = await scene.client.lookup({ namespace, key: 'done', includeResult: true });
  expect(record).toMatchObject({ contentEncoding: 'identity', resultBytes: BigInt(secret('result').length) });
  const listed = await scene.admin.listRecords({ filter: { namespace, key: 'done' } });
  expect(listed.records[0]).toMatchObject({ contentEncoding: 'identity', resultBytes: record?.resultBytes });
});

test('without sealing keys the same calls leave them readable: the search finds what there is', async () => {
  await using folder = await makeFolder();
  await using scene = await openManaged({ store: await openFile(folder.path) });
  await plant(scene);
  expect(await filesWith(folder.path, [secret('result')])).not.toEqual([]);
  expect(await filesWith(folder.path, [secret('checkpoint')])).not.toEqual([]);
  expect(await filesWith(folder.path, [secret('detail')])).not.toEqual([]);
});

test('the journal and the archive show nothing either, and what they hold comes back', async () => {
  await using folder = await makeFolder();
  const wrapping = await wrappingKeysIn(folder.path);
  const faulty = faultyStore(await openFile(folder.path));
  const journal = {
    exists: () => false,
    open: async () => sealedAlone(await openSqliteStore({ path: `${folder.path}/journal.db` }), wrapping, silent),
  };
  const policy = { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED, archive: true };
  await using scene = await openManaged({
    store: faulty.store,
    wrapping,
    journal,
    archiveFolder: `${folder.path}/archive`,
    policy,
  });
  const before = scene.holder(await scene.acquire({ key: 'before' }), 'before');
  faulty.set('down');
  const degraded = scene.holder(await scene.acquire({ key: 'degraded' }), 'degraded');
  await scene.client.complete({ ...degraded, result: bytes(secret('degraded')) });
  await scene.client.complete({ ...before, result: bytes(secret('archived')) });
  expect(await resultOf(scene, 'degraded')).toBe(secret('degraded'));
  expect(await filesWith(folder.path, SECRETS)).toEqual([]);
  faulty.set('up');
  const left = { timeout: 30_000, interval: 100 };
  await expect.poll(() => scene.server.engine.outage.kept(), left).toBe(0);
  expect(await resultOf(scene, 'before')).toBe(secret('archived'));
  scene.advance(48 * 3_600_000);
  expect((await scene.admin.runCompaction({})).recordsRemoved).toBe(2n);
  expect(await filesWith(`${folder.path}/archive`, ['sealed'])).toHaveLength(1);
  const read = await runOnced(['archive', `${folder.path}/archive`, '--sealing-keys', `${folder.path}/sealing.keys`]);
  const archived = read.stdout.trim().split('\n');
  expect(
    archived
      .map((line) => Buffer.from((JSON.parse(line) as { result: string }).result, 'base64').toString())
      .toSorted(),
  ).toEqual([secret('archived'), secret('degraded')]);
  expect(await runOnced(['archive', `${folder.path}/archive`])).toMatchObject({ code: 2, stdout: '' });
  expect(await filesWith(folder.path, SECRETS)).toEqual([]);
});

test('a result of exactly the largest size is taken, sealed, and given back byte for byte', async () => {
  await using folder = await makeFolder();
  const wrapping = await wrappingKeysIn(folder.path);
  const policy = { resultBytesMax: limits.resultBytesMax };
  await using scene = await openManaged({ store: await openFile(folder.path), wrapping, policy });
  for (const size of [0, 256 * 1024, limits.resultBytesMax]) {
    const key = `of ${size}`;
    const result = randomBytes(size);
    await scene.client.complete({ ...scene.holder(await scene.acquire({ key }), key), result });
    const { outcome } = await scene.begin({ key });
    expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).equals(result)).toBe(true);
  }
});

test('what was written before sealing was turned on is read as it is, and repeats are known as such', async () => {
  await using folder = await makeFolder();
  const store = await openFile(folder.path);
  const namespace = `sealing/${randomUUID()}`;
  await using scene = await openManaged({ store });
  const id = { namespace, key: 'old' };
  const lease = await scene.client.beginIntent({ ...id, attemptId: 'a' });
  if (lease.outcome.case !== 'acquired') return expect.fail('not acquired');
  const { leaseToken } = lease.outcome.value;
  await scene.client.complete({ ...id, leaseToken, result: bytes('old') });
  await using sealed = await openManaged({ store: unclosed(store), wrapping: await wrappingKeysIn(folder.path) });
  const { record } = await sealed.client.lookup({ ...id, includeResult: true });
  expect(Buffer.from(record?.result ?? []).toString()).toBe('old');
  expect(await sealed.client.complete({ ...id, leaseToken, result: bytes('old') })).toMatchObject({
    alreadyApplied: true,
  });
  const other = await refusal(sealed.client.complete({ ...id, leaseToken, result: bytes('other') }));
  expect(other.reason).toBe('ALREADY_SETTLED');
});

/** For a second server of the same process, which must not close the file of the first. */
const unclosed = (store: Store): Store => ({ ...store, close: async () => undefined });

test('a server without the key, or with another one, does not start, says which it needs, and loses nothing', async () => {
  await using folder = await makeFolder();
  const key = newSealingKey();
  const right = await wrappingKeysIn(folder.path, [key]);
  const store = await openFile(folder.path);
  await using scene = await openManaged({ store, wrapping: right });
  await plant(scene);
  const needed = new RegExp(`give the key ${right.newest()} with --sealing-keys`);
  await expect(openManaged({ store: unclosed(store) })).rejects.toThrow(needed);
  const wrong = await wrappingKeysIn(folder.path, [newSealingKey()]);
  await expect(openManaged({ store: unclosed(store), wrapping: wrong })).rejects.toThrow(needed);
  expect(await resultOf(scene)).toBe(secret('result'));
});

test('after a rotation old and new are readable, and the older sealing key is not needed any more', async () => {
  await using folder = await makeFolder();
  const [old, young] = [newSealingKey(), newSealingKey()];
  const store = await openFile(folder.path);
  const file = `${folder.path}/sealing.keys`;
  const first = await wrappingKeysIn(folder.path, [old]);
  await using scene = await openManaged({ store, wrapping: first });
  await plant(scene);
  const { namespace } = scene;
  await writeFile(file, `${old}\n${young}\n`);
  await using second = await openManaged({ store: unclosed(store), wrapping: openWrappingKeys(file, silent) });
  const rotated = await second.admin.rotateDataKeys({ reason: 'yearly' });
  expect(rotated).toMatchObject({ namespaces: 1 });
  expect((await second.admin.listDataKeys({})).dataKeys).toMatchObject([
    { namespace, versions: 2, wrappedBy: [rotated.wrappedBy] },
  ]);
  const id = { namespace, key: 'later' };
  const lease = await second.client.beginIntent({ ...id, attemptId: 'a' });
  if (lease.outcome.case !== 'acquired') return expect.fail('not acquired');
  await second.client.complete({ ...id, leaseToken: lease.outcome.value.leaseToken, result: bytes('later') });
  await writeFile(file, `${young}\n`);
  await using third = await openManaged({ store: unclosed(store), wrapping: openWrappingKeys(file, silent) });
  for (const [key, result] of Object.entries({ done: secret('result'), later: 'later' })) {
    const { record } = await third.client.lookup({ namespace, key, includeResult: true });
    expect(Buffer.from(record?.result ?? []).toString()).toBe(result);
  }
  const { events } = await second.admin.listAuditEvents({});
  expect(events[0]).toMatchObject({ action: 'RotateDataKeys.done', reason: 'yearly' });
});

test('a sealed value that was changed, or moved to another key, is refused, listed without it, and can be purged', async () => {
  await using folder = await makeFolder();
  const store = await openFile(folder.path);
  await using scene = await openManaged({ store, wrapping: await wrappingKeysIn(folder.path) });
  await plant(scene);
  const namespace = scene.namespace as Namespace;
  const { record: source } = await store.read({ namespace, key: 'done' as Key, includeResult: true });
  if (source?.result === undefined) return expect.fail('no result');
  const flipped = Buffer.from(source.result);
  flipped.writeUInt8(flipped.readUInt8(flipped.length - 1) ^ 1, flipped.length - 1);
  for (const [key, result] of Object.entries({ moved: source.result, changed: flipped })) {
    const { leaseToken } = await scene.acquire({ key });
    await store.settle({
      namespace,
      key: key as Key,
      guard: { kind: 'token', leaseToken: Buffer.from(leaseToken).toString('hex') as typeof source.leaseToken },
      settlement: { kind: 'completed', ...source, result, labels: {}, resultTtlMs: source.ttlMs },
      settleDigest: source.settleDigest,
      ttlMs: undefined,
      graceMs: source.ttlMs,
    });
    const refused = await refusal(scene.begin({ key }));
    expect(refused).toMatchObject({ reason: 'STORE_UNAVAILABLE', metadata: { cause: 'sealed' } });
    expect(refused.message).toMatch(/cannot be opened/);
  }
  const { records } = await scene.admin.listRecords({ filter: { namespace } });
  expect(records).toHaveLength(5);
  // None of it counts as trouble of the store: other keys go on.
  for (let tries = 0; tries < 10; tries += 1) await refusal(scene.begin({ key: 'moved' }));
  expect(await resultOf(scene)).toBe(secret('result'));
  const { engine } = scene.server;
  const { records: moved } = await engine.store.list({ namespace, keyPrefix: 'moved', limit: 10 });
  const removal = { namespace, key: 'moved' as Key, revision: moved[0]?.revision ?? 0, force: false };
  await expect.poll(async () => engine.store.remove(removal)).toBe(true);
  expect(await scene.begin({ key: 'moved' })).toMatchObject({ outcome: { case: 'acquired' } });
});

test('two servers that seal a new namespace at the same time use one data key', async () => {
  await using folder = await makeFolder();
  await using scene = await openManaged({ wrapping: await wrappingKeysIn(folder.path), servers: 2 });
  const results = await Promise.all(
    scene.servers.flatMap(({ client }, server) =>
      Array.from({ length: 20 }, async (_, index) => {
        const id = { namespace: scene.namespace, key: `k${server}-${index}` };
        const { outcome } = await client.beginIntent({ ...id, attemptId: 'a' });
        if (outcome.case !== 'acquired') throw new Error('not acquired');
        await client.complete({ ...id, leaseToken: outcome.value.leaseToken, result: bytes(id.key) });
        const other = scene.servers[1 - server];
        const { record } = (await other?.client.lookup({ ...id, includeResult: true })) ?? {};
        return Buffer.from(record?.result ?? []).toString() === id.key;
      }),
    ),
  );
  expect(results.every(Boolean)).toBe(true);
  expect((await scene.admin.listDataKeys({})).dataKeys).toMatchObject([{ versions: 1 }]);
});

test.each([
  ['no key', '# nothing yet\n', /holds no key/],
  ['a short key', 'abcd\n', /line 1: must be 32 bytes in hex or base64, found 2|found 3/],
])('a file with %s is refused by name, without showing what it holds', async (_, content, message) => {
  await using folder = await makeFolder();
  const file = `${folder.path}/sealing.keys`;
  await writeFile(file, content);
  expect(() => openWrappingKeys(file, silent)).toThrow(message);
});
