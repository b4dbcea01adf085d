// The audit log: what cannot be written down is not done, and a changed or missing event is found.

import { expect, test } from 'vitest';
import { Role } from '../../proto/gen/onced/v1/admin_pb.js';
import { StoreError, type Store } from '../../storage/contract/index.ts';
import { createLog } from '../../server/log.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { runOnced, type Ended } from '../support/onced.ts';
import { startTestServer } from '../support/server.ts';
import { openManaged, type Managed } from './managed.ts';
import { ms, refusal } from './scene.ts';

test('a change that cannot be audited is refused, and nothing is changed', async () => {
  const inner = createMemoryStore();
  let isFull = false;
  const put: Store['registry']['put'] = async (entry) => {
    if (isFull && entry.collection === 'audit') throw new StoreError('unavailable', 'the audit log cannot be written');
    return inner.registry.put(entry);
  };
  await using scene = await openManaged({ store: { ...inner, registry: { ...inner.registry, put } } });
  await scene.acquire({ lease: ms(100) });
  scene.advance(60_000);
  const { namespace, admin } = scene;
  isFull = true;
  const released = { case: 'released', value: {} } as const;
  const changes = [
    admin.putNamespace({ namespace, policy: { lease: ms(5000) }, reason: 'test' }),
    admin.resolveIntent({ namespace, key: 'order-1', reason: 'test', resolution: released }),
    admin.createApiKey({ name: 'n', grants: [{ role: Role.READER, namespacePattern: '*' }], reason: 'test' }),
  ];
  for (const change of changes) expect((await refusal(change)).reason).toBe('STORE_UNAVAILABLE');
  expect((await admin.getNamespace({ namespace })).namespace?.policy).toBeUndefined();
  expect((await admin.listApiKeys({})).apiKeys).toEqual([]);
  expect((await admin.listRecords({ filter: { namespace } })).records[0]?.orphan).toBeDefined();
});

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
