// Attempts that ran without the store and may be duplicates: listed until a person has looked at them.

import { expect, test } from 'vitest';
import { OnStoreOutage, type DegradedConflict } from '../../../proto/gen/onced/v1/admin_pb.js';
import { IntentState } from '../../../proto/gen/onced/v1/record_pb.js';
import { listConflict, readConflict, readConflicts, resolveConflict } from '../../../server/journal/conflicts.ts';
import type { Key, Namespace } from '../../../storage/contract/index.ts';
import type { Managed, OpenManaged } from '../managed.ts';
import { openOutage, type OutageScene } from '../outage-scene.ts';
import { bytes, refusal } from '../scene.ts';

const GO_ON = { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED };

/** Keys that are completed, and completed again while the store is down. */
async function makeConflicts(outage: OutageScene, keys: readonly string[], below = ''): Promise<void> {
  const { scene, faulty } = outage;
  const namespace = scene.namespace + below;
  const completeAll = async (result: string): Promise<void> => {
    for (const key of keys) {
      const lease = await scene.acquire({ namespace, key, owner: 'worker-7' });
      await scene.client.complete({ ...scene.holder(lease, key), namespace, result: bytes(result) });
    }
  };
  await completeAll('first');
  faulty.set('down');
  await completeAll('second');
  faulty.set('up');
  await outage.untilWritten();
}

const listed = async ({ admin, namespace }: Managed): Promise<readonly DegradedConflict[]> =>
  (await admin.listDegradedConflicts({ namespace })).conflicts;

export function conflictFeatures(openManaged: OpenManaged): void {
  test('are listed with all that is known of them, and ticked off one by one with a reason that the audit keeps', async () => {
    await using outage = await openOutage(openManaged, GO_ON);
    const { scene } = outage;
    await makeConflicts(outage, ['a', 'b']);
    const [first, second] = await listed(scene);
    if (first === undefined || second === undefined) expect.fail('two conflicts are listed');
    expect([first.key, second.key].toSorted()).toEqual(['a', 'b']);
    expect(first).toMatchObject({ cause: 'OTHER_OUTCOME', owner: 'worker-7', state: IntentState.COMPLETED });
    const { namespace } = scene;
    const resolve = { namespace, id: first.id, reason: 'refunded, ticket 17' };
    expect((await scene.admin.resolveDegradedConflict(resolve)).conflict).toEqual(first);
    expect(await listed(scene)).toEqual([second]);
    const { degradedConflicts } = await scene.admin.getStats({ namespace });
    expect(degradedConflicts).toEqual([second]);
    const { events } = await scene.admin.listAuditEvents({ namespace });
    const resolved = { action: 'ResolveDegradedConflict.done', target: first.key, reason: resolve.reason };
    expect(events[0]).toMatchObject(resolved);
    expect(JSON.parse(events[0]?.before ?? '')).toMatchObject({ cause: 'OTHER_OUTCOME', owner: 'worker-7' });
    // The outcome that stands is none of its business.
    const { outcome } = await scene.begin({ key: first.key });
    expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).toString()).toBe('first');
  });

  test('come a page at a time, each once, and only those of the namespace', async () => {
    await using outage = await openOutage(openManaged, GO_ON);
    const keys = ['a', 'b', 'c', 'd', 'e'];
    await makeConflicts(outage, keys);
    await makeConflicts(outage, ['f', 'g'], '/below');
    const { admin, namespace } = outage.scene;
    const found: string[] = [];
    let pageToken = '';
    do {
      const page = await admin.listDegradedConflicts({ namespace, pageSize: 2, pageToken });
      expect(page.conflicts.length).toBeLessThanOrEqual(2);
      found.push(...page.conflicts.map(({ key }) => key));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(found.toSorted()).toEqual(keys);
  });

  test('are told in the figures of a namespace, however many others have', async () => {
    await using scene = await openManaged();
    const key = 'order-1' as Key;
    await scene.acquire();
    const { record } = await scene.store.read({ namespace: scene.namespace as Namespace, key, includeResult: false });
    if (record === undefined) expect.fail('the key has a record');
    const { registry } = scene.store;
    const rows = Array.from({ length: 150 }, (_, index) => ({ ...record, namespace: `tenant-${index}` as Namespace }));
    for (const row of rows) await listConflict(registry, row, { key, cause: 'OTHER_OUTCOME' });
    const last = (await readConflicts(registry, { limit: 1000 })).at(-1) ?? expect.fail('no conflict');
    const { degradedConflicts } = await scene.admin.getStats({ namespace: last.namespace });
    expect(degradedConflicts.map(({ id }) => id)).toContain(last.id);
    expect((await scene.admin.getStats({})).degradedConflicts).toHaveLength(100);
  });

  test('are ticked off with a reason, in their own namespace, and once', async () => {
    await using outage = await openOutage(openManaged, GO_ON);
    const { scene } = outage;
    await makeConflicts(outage, ['a']);
    const [{ id } = expect.fail('no conflict')] = await listed(scene);
    const { admin, namespace } = scene;
    const resolve = async (init: object): Promise<unknown> =>
      admin.resolveDegradedConflict({ namespace, id, reason: 'seen', ...init });
    expect(await refusal(resolve({ reason: '' }))).toMatchObject({ reason: 'INVALID_FIELD', fields: ['reason'] });
    expect(await refusal(resolve({ id: '' }))).toMatchObject({ reason: 'INVALID_FIELD', fields: ['id'] });
    expect(await refusal(resolve({ namespace: 'elsewhere' }))).toMatchObject({ reason: 'EXPECTATION_FAILED' });
    expect(await listed(scene)).toHaveLength(1);
    await resolve({});
    expect(await refusal(resolve({}))).toMatchObject({ reason: 'EXPECTATION_FAILED' });
  });

  test('that were ticked off are not listed anew by a replay that had been interrupted', async () => {
    await using scene = await openManaged();
    const { registry } = scene.store;
    const key = 'order-1' as Key;
    const lease = await scene.acquire();
    const { record } = await scene.store.read({ namespace: scene.namespace as Namespace, key, includeResult: false });
    if (record === undefined) expect.fail('the key has a record');
    expect(lease.degraded).toBe(false);
    const list = async (): Promise<boolean> => listConflict(registry, record, { key, cause: 'OTHER_OUTCOME' });
    expect([await list(), await list()]).toEqual([true, false]);
    const [{ id } = expect.fail('no conflict')] = await listed(scene);
    await resolveConflict(registry, (await readConflict(registry, id)) ?? expect.fail('not listed'));
    expect(await list()).toBe(false);
    expect(await listed(scene)).toEqual([]);
  });
}
