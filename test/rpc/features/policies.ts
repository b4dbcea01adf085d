// Policies of namespaces as they are kept in the store and shared by its servers.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { NamespaceInfo } from '../../../proto/gen/onced/v1/admin_pb.js';
import { policyMessage, type Managed, type OpenManaged } from '../managed.ts';
import { bytes, ms, refusal } from '../scene.ts';

const HOUR_MS = 3_600_000;

export const describeNamespace = async (
  { admin }: Pick<Managed, 'admin'>,
  namespace: string,
): Promise<NamespaceInfo> => {
  const { namespace: info } = await admin.getNamespace({ namespace });
  return info ?? expect.fail('no namespace in the answer');
};
export const sourceOf = (info: NamespaceInfo, field: string): string | undefined =>
  info.sources.find((source) => source.field === field)?.source;

export function policyFeatures(openManaged: OpenManaged): void {
  describe('a policy', () => {
    test('is taken from the nearest that sets it: itself, above, the server, the default', async () => {
      await using scene = await openManaged({
        serverPolicy: { lease: ms(1000), ttl: ms(50_000), maxAttempts: 9 },
        configured: { pay: { lease: ms(2000), maxAttempts: 8 } },
      });
      await scene.admin.putNamespace({ namespace: 'pay/card', policy: policyMessage({ maxAttempts: 7 }) });
      const info = await describeNamespace(scene, 'pay/card');
      expect(info.effective).toMatchObject({ lease: ms(2000), ttl: ms(50_000), maxAttempts: 7 });
      expect(['max_attempts', 'lease', 'ttl', 'wait_max'].map((field) => sourceOf(info, field))).toEqual([
        'pay/card',
        'pay',
        'server',
        'default',
      ]);
    });

    test('that is set replaces what the configuration file says of the namespace, and its removal brings that back', async () => {
      await using scene = await openManaged({ configured: { pay: { maxAttempts: 8 } } });
      await scene.admin.putNamespace({ namespace: 'pay', policy: policyMessage({ lease: ms(3000) }) });
      expect((await describeNamespace(scene, 'pay')).effective?.maxAttempts).toBeUndefined();
      await scene.admin.deleteNamespace({ namespace: 'pay' });
      expect((await describeNamespace(scene, 'pay')).effective?.maxAttempts).toBe(8);
    });

    test('reaches another server on the same store within 5 s', async () => {
      await using scene = await openManaged({ servers: 2 });
      const [, other] = scene.servers;
      if (other === undefined) expect.fail('no second server');
      await scene.put({ resultBytesMax: 3 });
      const startMs = performance.now();
      const seen = async (): Promise<number | undefined> =>
        (await describeNamespace(other, scene.namespace)).effective?.resultBytesMax;
      while ((await seen()) !== 3 && performance.now() - startMs < 5000) await sleep(50);
      expect(performance.now() - startMs).toBeLessThan(5000);
      const lease = await scene.acquire();
      const tooLarge = other.client.complete({ ...scene.holder(lease), result: bytes('four') });
      expect(await refusal(tooLarge)).toMatchObject({ reason: 'INVALID_FIELD', fields: ['result'] });
    });

    test('is not replaced by somebody who saw an older one', async () => {
      await using scene = await openManaged({ policy: { maxAttempts: 2 } });
      const stale = { namespace: scene.namespace, policy: policyMessage({ maxAttempts: 3 }), revision: 0n };
      expect(await refusal(scene.admin.putNamespace(stale))).toMatchObject({ reason: 'EXPECTATION_FAILED' });
      await scene.admin.putNamespace({ ...stale, revision: 1n });
      expect((await describeNamespace(scene, scene.namespace)).effective?.maxAttempts).toBe(3);
    });
  });

  test('retention of a namespace below that is shorter than the time clients retry is refused', async () => {
    await using scene = await openManaged();
    const child = `${scene.namespace}/child`;
    await scene.admin.putNamespace({ namespace: child, policy: policyMessage({ ttl: ms(HOUR_MS) }) });
    const put = scene.admin.putNamespace({
      namespace: scene.namespace,
      policy: policyMessage({ clientRetryWindow: ms(2 * HOUR_MS) }),
    });
    const refused = await refusal(put);
    expect(refused).toMatchObject({ reason: 'INVALID_FIELD', fields: ['ttl'] });
    expect(refused.message).toContain(child);
  });

  test('a removal that leaves a namespace below with too short a retention is refused, and changes nothing', async () => {
    await using scene = await openManaged({ policy: { ttl: ms(50 * HOUR_MS) } });
    const child = `${scene.namespace}/child`;
    const policy = policyMessage({ clientRetryWindow: ms(48 * HOUR_MS) });
    await scene.admin.putNamespace({ namespace: child, policy });
    const refused = await refusal(scene.admin.deleteNamespace({ namespace: scene.namespace }));
    expect(refused).toMatchObject({ reason: 'INVALID_FIELD', fields: ['ttl'] });
    expect(refused.message).toContain(child);
    expect((await describeNamespace(scene, child)).effective?.ttl).toEqual(ms(50 * HOUR_MS));
    await scene.admin.deleteNamespace({ namespace: child });
    await scene.admin.deleteNamespace({ namespace: scene.namespace });
  });

  describe('with creation on first use off', () => {
    test('a namespace nobody made is not found, one with a policy of its own works', async () => {
      await using scene = await openManaged({ policy: { createOnFirstUse: false } });
      const below = `${scene.namespace}/made`;
      expect(await refusal(scene.begin({ namespace: below }))).toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
      await scene.admin.putNamespace({ namespace: below, policy: policyMessage({}) });
      await scene.acquire({ namespace: below });
      await scene.acquire();
      await scene.admin.deleteNamespace({ namespace: below });
      expect(await refusal(scene.begin({ namespace: below }))).toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    });

    test('what was begun in a namespace that was closed since can still be ended, by its holder and by a reconciler', async () => {
      await using scene = await openManaged({ policy: { createOnFirstUse: false, resultBytesMax: 3 } });
      const namespace = `${scene.namespace}/closed`;
      await scene.admin.putNamespace({ namespace, policy: policyMessage({}) });
      const held = await scene.acquire({ namespace, key: 'held' });
      await scene.acquire({ namespace, key: 'lost', lease: ms(1000) });
      await scene.acquire({ namespace, key: 'stuck', lease: ms(60_000) });
      await scene.admin.deleteNamespace({ namespace });
      const holder = { namespace, key: 'held', leaseToken: held.leaseToken };
      await scene.client.renew(holder);
      const tooLarge = scene.client.complete({ ...holder, result: bytes('four') });
      expect(await refusal(tooLarge)).toMatchObject({ fields: ['result'] });
      await scene.client.complete({ ...holder, result: bytes('r') });
      scene.advance(1000);
      const { orphans } = await scene.client.claimOrphans({ namespace });
      expect(orphans.map(({ record }) => record?.summary?.key)).toEqual(['lost']);
      const resolution = { case: 'released', value: {} } as const;
      await scene.admin.resolveIntent({ namespace, key: 'stuck', reason: 'test', resolution, force: true });
      expect(await refusal(scene.begin({ namespace }))).toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    });

    test('for the whole server only configured and stored namespaces work', async () => {
      await using scene = await openManaged({ serverPolicy: { createOnFirstUse: false }, configured: { known: {} } });
      await scene.acquire({ namespace: 'known' });
      expect(await refusal(scene.begin())).toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
      const issue = scene.client.issueKeys({ namespace: scene.namespace });
      expect(await refusal(issue)).toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    });
  });
}
