// The audit log: what cannot be written down is not done, and a changed or missing event is found.

import { expect, test } from 'vitest';
import { Role } from '../../proto/gen/onced/v1/admin_pb.js';
import { StoreError, type Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { runOnced, type Ended } from '../support/onced.ts';
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
