// The audit log: what cannot be written down is not done, and a changed or missing event is found.

import { finished } from 'node:stream/promises';
import { create } from '@bufbuild/protobuf';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { AdminService, PurgeRecordsRequestSchema, Role } from '../../proto/gen/onced/v1/admin_pb.js';
import { listConflict } from '../../server/journal/conflicts.ts';
import { StoreError, type Key, type Namespace, type Store } from '../../storage/contract/index.ts';
import { createLog } from '../../server/log.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { wrappingKeysIn } from '../sealing/scene.ts';
import { faultyStore } from '../support/faulty-store.ts';
import { makeFolder, runOnced, type Ended } from '../support/onced.ts';
import { startTestServer } from '../support/server.ts';
import { openManaged, type Managed } from './managed.ts';
import { bytes, ms, refusal } from './scene.ts';

/** What is there to be changed: a policy, an API key, data keys, a conflict, an orphan, and what a purge would take. */
async function furnish(scene: Managed): Promise<{ readonly apiKeyId: string; readonly conflictId: string }> {
  const { namespace, admin, store, server } = scene;
  await scene.put({ lease: ms(1000) });
  const { record } = await server.engine.apiKeys.create({ name: 'n', grants: [], expireMs: 0 });
  const lease = await scene.acquire({ key: 'done' });
  await scene.client.complete({ ...scene.holder(lease, 'done'), result: bytes('paid') });
  await scene.acquire({ key: 'lost', lease: ms(100) });
  scene.advance(60_000);
  const { record: row } = await store.read({
    namespace: namespace as Namespace,
    key: 'done' as Key,
    includeResult: true,
  });
  if (row === undefined) return expect.fail('no record');
  await listConflict(store.registry, row, { key: row.key, cause: 'OTHER_OUTCOME' });
  const [conflict] = (await admin.listDegradedConflicts({ namespace })).conflicts;
  return { apiKeyId: record.id, conflictId: conflict?.id ?? '' };
}

const REASON = 'why it is done';
type Change = (scene: Managed, has: Awaited<ReturnType<typeof furnish>>) => Promise<unknown>;

/** Every call that changes something. */
const CHANGES: Readonly<Record<string, Change>> = {
  PutNamespace: async ({ admin, namespace }) =>
    admin.putNamespace({ namespace, policy: { lease: ms(5000) }, reason: REASON }),
  DeleteNamespace: async ({ admin, namespace }) => admin.deleteNamespace({ namespace, reason: REASON }),
  ResolveIntent: async ({ admin, namespace }) =>
    admin.resolveIntent({ namespace, key: 'lost', reason: REASON, resolution: { case: 'released', value: {} } }),
  PurgeRecords: async ({ admin, namespace }) => {
    const raw = admin.raw as unknown as Record<string, (request: object) => ClientReadableStream<object>>;
    const request = create(PurgeRecordsRequestSchema, { filter: { namespace, key: 'done' }, reason: REASON });
    const stream = raw['purgeRecords']?.bind(raw)(request) ?? expect.fail('no method purgeRecords');
    await finished(stream.resume());
  },
  RunCompaction: async ({ admin }) => admin.runCompaction({ reason: REASON }),
  ResolveDegradedConflict: async ({ admin, namespace }, { conflictId }) =>
    admin.resolveDegradedConflict({ namespace, id: conflictId, reason: REASON }),
  CreateApiKey: async ({ admin }) =>
    admin.createApiKey({ name: 'new', grants: [{ role: Role.READER, namespacePattern: '*' }], reason: REASON }),
  RotateApiKey: async ({ admin }, { apiKeyId }) => admin.rotateApiKey({ id: apiKeyId, reason: REASON }),
  RevokeApiKey: async ({ admin }, { apiKeyId }) => admin.revokeApiKey({ id: apiKeyId, reason: REASON }),
  RotateDataKeys: async ({ admin, namespace }) => admin.rotateDataKeys({ namespace, reason: REASON }),
  RotateIssuedKeySecret: async ({ admin }) => admin.rotateIssuedKeySecret({ reason: REASON }),
};

test('every call that is no mere look is among those', () => {
  const looks = /^(Get|List|Export|Tail)/;
  const changing = AdminService.methods.map(({ name }) => name).filter((name) => !looks.test(name));
  expect(changing.toSorted()).toEqual(Object.keys(CHANGES).toSorted());
});

/** All that the calls could have changed. */
async function kept({ store }: Managed): Promise<unknown> {
  const conflicts = ['degraded-conflict', 'degraded-conflict-resolved'];
  const collections = ['namespace', 'api-key', 'data-key', 'issued-key-secrets', ...conflicts];
  const lists = collections.map(async (collection) => store.registry.list({ collection, limit: 100 }));
  return [await store.list({ includeExpired: true, limit: 100 }), await Promise.all(lists)].map((found) =>
    JSON.stringify(found, (name, value: unknown) => (name === 'nowMs' ? 0 : value)),
  );
}

test.each(Object.entries(CHANGES))(
  '%s that cannot be audited is refused, and nothing is changed; else its reason and its end are written',
  async (action, change) => {
    await using folder = await makeFolder();
    const inner = createMemoryStore();
    let isFull = false;
    const put: Store['registry']['put'] = async (entry) => {
      if (isFull && entry.collection === 'audit')
        throw new StoreError('unavailable', 'the audit log cannot be written');
      return inner.registry.put(entry);
    };
    const wrapping = await wrappingKeysIn(folder.path);
    await using scene = await openManaged({ wrapping, store: { ...inner, registry: { ...inner.registry, put } } });
    const has = await furnish(scene);
    const before = await kept(scene);
    isFull = true;
    expect((await refusal(change(scene, has))).reason).toBe('STORE_UNAVAILABLE');
    expect(await kept(scene)).toEqual(before);
    isFull = false;
    await change(scene, has);
    const { events } = await scene.admin.listAuditEvents({ pageSize: 2 });
    expect(events).toMatchObject([
      { action: `${action}.done`, actor: 'anonymous', reason: REASON },
      { action, actor: 'anonymous', reason: REASON },
    ]);
    expect(events[0]?.requestId).toBe(events[1]?.requestId);
    if (action !== 'RunCompaction') expect(await kept(scene)).not.toEqual(before);
  },
);

test('a change that was made is never told as failed, though its end could not be written', async () => {
  const inner = createMemoryStore();
  let written = 0;
  const put: Store['registry']['put'] = async (entry) => {
    if (entry.collection === 'audit' && (written += 1) === 2) throw new StoreError('unavailable', 'away for a moment');
    return inner.registry.put(entry);
  };
  await using scene = await openManaged({ store: { ...inner, registry: { ...inner.registry, put } } });
  const { namespace, admin } = scene;
  const change = admin.putNamespace({ namespace, policy: { lease: ms(5000) }, reason: 'test' });
  expect(await refusal(change)).toMatchObject({ reason: 'STORE_UNAVAILABLE', metadata: { outcome: 'unknown' } });
  expect((await admin.getNamespace({ namespace })).namespace?.policy?.lease?.seconds).toBe(5n);
  const { events } = await admin.listAuditEvents({ namespace });
  expect(events.map(({ action }) => action)).not.toContain('PutNamespace.failed');
  expect(events[0]).toMatchObject({ action: 'PutNamespace', reason: 'test' });
});

test.each(['ResolveIntent', 'PurgeRecords'])(
  '%s that was made is not told as left undone, when the store goes away before its end is written',
  async (action) => {
    const inner = createMemoryStore();
    const faulty = faultyStore(inner);
    const store: Store = {
      ...faulty.store,
      async settle(...args) {
        await inner.settle(...args);
        faulty.set('down');
        throw new StoreError('unknown', 'no answer');
      },
      async remove(...args) {
        const isRemoved = await inner.remove(...args);
        faulty.set('down');
        return isRemoved;
      },
    };
    await using scene = await openManaged({ store, policy: {} });
    const { namespace } = scene;
    const key = action === 'ResolveIntent' ? 'lost' : 'done';
    await scene.acquire({ key, lease: ms(100) });
    scene.advance(60_000);
    const change = CHANGES[action]?.(scene, { apiKeyId: '', conflictId: '' }) ?? expect.fail();
    expect(await refusal(change)).toMatchObject({ reason: 'STORE_UNAVAILABLE', metadata: { outcome: 'unknown' } });
    const { record } = await inner.read({ namespace: namespace as Namespace, key: key as Key, includeResult: false });
    expect(record?.state).toBe(action === 'ResolveIntent' ? 'RELEASED' : undefined);
    faulty.set('up');
  },
);

test('each audited change is in the server’s log by its request id, without its key', async () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => void lines.push(line) });
  await using server = await startTestServer({ store: createMemoryStore(), log });
  const id = { namespace: 'a', key: 'a-key-of-a-caller' };
  await server.client.beginIntent({ ...id, attemptId: 'a' });
  const resolution = { case: 'released', value: {} } as const;
  await server.admin.resolveIntent({ ...id, reason: 'stuck', resolution, force: true });
  await server.admin.runCompaction({ reason: 'room is needed' });
  const { events } = await server.admin.listAuditEvents({});
  expect(events.map(({ action, reason }) => [action, reason])).toEqual([
    ['RunCompaction.done', 'room is needed'],
    ['RunCompaction', 'room is needed'],
    ['ResolveIntent.done', 'stuck'],
    ['ResolveIntent', 'stuck'],
  ]);
  for (const { requestId } of events) expect(lines.filter((line) => line.includes(requestId))).toHaveLength(1);
  expect(lines.join('')).not.toContain(id.key);
});

const verify = async ({ server }: Managed): Promise<Ended> =>
  runOnced(['audit', 'verify'], { environment: { ONCED_SERVER: server.address } });

test('onced audit verify finds the event that was changed, and the one that is missing', async () => {
  await using scene = await openManaged();
  for (let index = 0; index < 3; index += 1) await scene.put({ lease: ms(1000 + index) });
  expect(await verify(scene)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('6 events, unbroken') as string,
  });
  const { registry } = scene.store;
  const [, second] = await registry.list({ collection: 'audit', limit: 2 });
  if (second === undefined) return expect.fail('no event');
  await registry.put({ ...second, value: second.value.replace('PutNamespace', 'NotNamespace') });
  expect(await verify(scene)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('broken at event 2: it was changed') as string,
  });
  await registry.remove({ collection: 'audit', name: second.name });
  expect(await verify(scene)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('broken at event 2: it is missing') as string,
  });
}, 60_000);

test('it finds the newest that are missing, and the last that are there are listed', async () => {
  await using scene = await openManaged();
  for (let index = 0; index < 3; index += 1) await scene.put({ lease: ms(1000 + index) });
  const { registry } = scene.store;
  const entries = await registry.list({ collection: 'audit', limit: 10 });
  for (const { name } of entries.slice(-2)) await registry.remove({ collection: 'audit', name });
  expect(await verify(scene)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('broken at event 5: it is missing') as string,
  });
  for (const { name } of entries) await registry.remove({ collection: 'audit', name });
  expect(await verify(scene)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('broken at event 1: it is missing') as string,
  });
}, 60_000);

test('a missing event ends no list: what was written before it is still read, once', async () => {
  await using scene = await openManaged();
  for (let index = 0; index < 300; index += 1) await scene.put({ lease: ms(1000 + index) });
  const { registry } = scene.store;
  const [missing] = await registry.list({ collection: 'audit', after: String(550).padStart(16, '0'), limit: 1 });
  await registry.remove({ collection: 'audit', name: missing?.name ?? '' });
  const sequences: number[] = [];
  let pageToken = '';
  do {
    const page = await scene.admin.listAuditEvents({ pageSize: 1000, pageToken });
    sequences.push(...page.events.map(({ sequence }) => Number(sequence)));
    ({ nextPageToken: pageToken } = page);
  } while (pageToken !== '');
  expect(sequences).toEqual(Array.from({ length: 600 }, (_, index) => 600 - index).filter((found) => found !== 551));
});
