// Policies of namespaces over real gRPC: inherited value by value, shown with their sources, refused when senseless.

import { setTimeout as sleep } from 'node:timers/promises';
import { toJson } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';
import {
  NamespacePolicySchema,
  OnLeaseExpiry,
  OnStoreOutage,
  type NamespaceInfo,
} from '../../proto/gen/onced/v1/admin_pb.js';
import { openManaged, policyMessage, type Managed, type PolicyInit } from './managed.ts';
import { bytes, ms, refusal } from './scene.ts';

const HOUR_MS = 3_600_000;

/** A value other than the default for every field of a policy. */
const OTHERS: Required<Omit<PolicyInit, '$typeName' | '$unknown'>> = {
  lease: ms(7000),
  leaseMax: ms(HOUR_MS),
  ttl: ms(48 * HOUR_MS),
  ttlMax: ms(96 * HOUR_MS),
  resultTtl: ms(2 * HOUR_MS),
  orphanTtl: ms(3 * HOUR_MS),
  lateRetryGrace: ms(4000),
  holdMax: ms(5 * HOUR_MS),
  waitMax: ms(6000),
  clientRetryWindow: ms(HOUR_MS),
  maxAttempts: 3,
  onLeaseExpiry: OnLeaseExpiry.HOLD,
  onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED,
  resultBytesMax: 1000,
  requireFingerprint: true,
  requireIssuedKey: true,
  archive: true,
  beginsPerSecond: 11,
  inProgressMax: 12,
  waitersPerKeyMax: 13,
  waitersMax: 14,
  recordsMax: 15n,
  createOnFirstUse: false,
};

const describeNamespace = async ({ admin }: Pick<Managed, 'admin'>, namespace: string): Promise<NamespaceInfo> => {
  const { namespace: info } = await admin.getNamespace({ namespace });
  return info ?? expect.fail('no namespace in the answer');
};
const sourceOf = (info: NamespaceInfo, field: string): string | undefined =>
  info.sources.find((source) => source.field === field)?.source;
const jsonOf = (policy: PolicyInit | undefined): object =>
  toJson(NamespacePolicySchema, policyMessage(policy ?? {}), { useProtoFieldName: true }) as object;

describe('a policy', () => {
  test.each(NamespacePolicySchema.fields.map(({ name, localName }) => ({ name, localName })))(
    'passes $name down to the namespaces below, and says where it comes from',
    async ({ name, localName }) => {
      const value = OTHERS[localName as keyof typeof OTHERS];
      await using scene = await openManaged({ policy: { [localName]: value } });
      const below = await describeNamespace(scene, `${scene.namespace}/a/b`);
      expect(jsonOf(below.effective)).toMatchObject(jsonOf({ [localName]: value }));
      expect(sourceOf(below, name)).toBe(scene.namespace);
      expect(below.sources.filter(({ source }) => source === scene.namespace)).toHaveLength(1);
      const beside = await describeNamespace(scene, `${scene.namespace}x`);
      expect(sourceOf(beside, name)).not.toBe(scene.namespace);
    },
  );

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

  test.each([
    { policy: { lease: ms(99) }, field: 'lease' },
    { policy: { resultTtl: ms(401 * 24 * HOUR_MS) }, field: 'result_ttl' },
    { policy: { maxAttempts: 0 }, field: 'max_attempts' },
    { policy: { resultBytesMax: 1024 * 1024 + 1 }, field: 'result_bytes_max' },
    { policy: { lease: ms(2000), leaseMax: ms(1999) }, field: 'lease' },
    { policy: { ttl: ms(2000), ttlMax: ms(1999) }, field: 'ttl' },
  ])('out of bounds in $field is refused by name', async ({ policy, field }) => {
    await using scene = await openManaged();
    const put = scene.admin.putNamespace({ namespace: scene.namespace, policy: policyMessage(policy) });
    expect(await refusal(put)).toMatchObject({ reason: 'INVALID_FIELD', fields: [field] });
  });
});

describe('retention shorter than the time that clients go on retrying', () => {
  test('is refused in a policy, and accepted at exactly that time', async () => {
    await using scene = await openManaged();
    const put = async (ttlMs: number): Promise<unknown> =>
      scene.admin.putNamespace({
        namespace: scene.namespace,
        policy: policyMessage({ ttl: ms(ttlMs), clientRetryWindow: ms(HOUR_MS) }),
      });
    expect(await refusal(put(HOUR_MS - 1))).toMatchObject({ reason: 'INVALID_FIELD', fields: ['ttl'] });
    await put(HOUR_MS);
  });

  test('is refused when it is the namespace below that keeps its records too short', async () => {
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

  test('is refused in a call that asks for it', async () => {
    await using scene = await openManaged({ policy: { clientRetryWindow: ms(HOUR_MS) } });
    expect(await refusal(scene.begin({ ttl: ms(HOUR_MS - 1) }))).toMatchObject({ fields: ['ttl'] });
    const lease = await scene.acquire({ ttl: ms(HOUR_MS) });
    const complete = scene.client.complete({ ...scene.holder(lease), ttl: durationFromMs(HOUR_MS - 1) });
    expect(await refusal(complete)).toMatchObject({ reason: 'INVALID_FIELD', fields: ['ttl'] });
  });
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

  test('for the whole server only configured and stored namespaces work', async () => {
    await using scene = await openManaged({ serverPolicy: { createOnFirstUse: false }, configured: { known: {} } });
    await scene.acquire({ namespace: 'known' });
    expect(await refusal(scene.begin())).toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
    const issue = scene.client.issueKeys({ namespace: scene.namespace });
    expect(await refusal(issue)).toMatchObject({ reason: 'NAMESPACE_NOT_FOUND' });
  });
});
