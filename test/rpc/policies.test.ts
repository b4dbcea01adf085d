// Policies over real gRPC: inherited value by value, refused when senseless. How stores keep them: features/policies.ts.

import { fromBinary, toJson } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';
import { NamespacePolicySchema, OnLeaseExpiry, OnStoreOutage } from '../../proto/gen/onced/v1/admin_pb.js';
import { describeNamespace, sourceOf } from './features/policies.ts';
import { openManaged, policyMessage, type PolicyInit } from './managed.ts';
import { ms, refusal } from './scene.ts';

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

  test.each([
    { policy: { lease: ms(99) }, field: 'lease' },
    { policy: { resultTtl: ms(401 * 24 * HOUR_MS) }, field: 'result_ttl' },
    { policy: { maxAttempts: 0 }, field: 'max_attempts' },
    { policy: { resultBytesMax: 1024 * 1024 + 1 }, field: 'result_bytes_max' },
    { policy: { lease: ms(2000), leaseMax: ms(1999) }, field: 'lease' },
    { policy: { ttl: ms(2000), ttlMax: ms(1999) }, field: 'ttl' },
    { policy: { lease: ms(2000), holdMax: ms(1999) }, field: 'lease' },
    // on_lease_expiry: 99, which the types do not let through.
    { policy: fromBinary(NamespacePolicySchema, new Uint8Array([0x60, 99])), field: 'on_lease_expiry' },
  ])('out of bounds in $field is refused by name', async ({ policy, field }) => {
    await using scene = await openManaged();
    const put = scene.admin.putNamespace({ namespace: scene.namespace, policy: policyMessage(policy) });
    expect(await refusal(put)).toMatchObject({ reason: 'INVALID_FIELD', fields: [field] });
  });
});

test('a policy bites in calls: its defaults where none is named, its bounds, its demands', async () => {
  const times = { lease: ms(7000), leaseMax: ms(9000), ttl: ms(50_000), ttlMax: ms(60_000), waitMax: ms(1000) };
  await using scene = await openManaged({ policy: { ...times, requireFingerprint: true } });
  expect(await refusal(scene.begin())).toMatchObject({ reason: 'INVALID_FIELD', fields: ['fingerprints'] });
  const fingerprints = [{ scheme: 'raw-sha256-v1', digest: new Uint8Array(32) }];
  for (const [field, value] of Object.entries({ lease: ms(9001), ttl: ms(60_001), wait: ms(1001) })) {
    const begin = scene.begin({ fingerprints, [field]: value });
    expect(await refusal(begin)).toMatchObject({ reason: 'INVALID_FIELD', fields: [field] });
  }
  const lease = await scene.acquire({ fingerprints });
  expect(lease.leaseRemaining).toEqual(ms(7000));
  const holder = scene.holder(lease);
  expect(await refusal(scene.client.renew({ ...holder, lease: ms(9001) }))).toMatchObject({ fields: ['lease'] });
  expect(await refusal(scene.client.complete({ ...holder, ttl: ms(60_001) }))).toMatchObject({ fields: ['ttl'] });
  const { record } = await scene.client.complete(holder);
  expect(Number(record?.expireTime?.seconds) - Number(record?.settleTime?.seconds)).toBe(50);
});

test('a lease beyond the total hold is refused in a call', async () => {
  await using scene = await openManaged({ policy: { lease: ms(2000), holdMax: ms(5000) } });
  const tooLong = { namespace: scene.namespace, lease: ms(5001) };
  expect(await refusal(scene.begin(tooLong))).toMatchObject({ reason: 'INVALID_FIELD', fields: ['lease'] });
  expect(await refusal(scene.client.claimOrphans(tooLong))).toMatchObject({ fields: ['lease'] });
  await scene.acquire({ lease: ms(5000) });
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

  test('is refused for orphans, which would run again when they expire', async () => {
    await using scene = await openManaged();
    const policy = policyMessage({ orphanTtl: ms(HOUR_MS - 1), clientRetryWindow: ms(HOUR_MS) });
    const put = scene.admin.putNamespace({ namespace: scene.namespace, policy });
    expect(await refusal(put)).toMatchObject({ reason: 'INVALID_FIELD', fields: ['orphan_ttl'] });
  });

  test('is not what a call without a ttl gets, where the file and the store contradict each other', async () => {
    await using before = await openManaged({ policy: { ttl: ms(HOUR_MS) } });
    const serverPolicy = { clientRetryWindow: ms(2 * HOUR_MS) };
    await using after = await openManaged({ store: before.store, serverPolicy });
    const { namespace } = before;
    const lease = await after.acquire({ namespace });
    const { record } = await after.client.complete({ ...before.holder(lease) });
    const { expireTime, settleTime } = record ?? {};
    expect(Number(expireTime?.seconds) - Number(settleTime?.seconds)).toBe((2 * HOUR_MS) / 1000);
  });

  test('is refused in a call that asks for it', async () => {
    await using scene = await openManaged({ policy: { clientRetryWindow: ms(HOUR_MS) } });
    expect(await refusal(scene.begin({ ttl: ms(HOUR_MS - 1) }))).toMatchObject({ fields: ['ttl'] });
    const lease = await scene.acquire({ ttl: ms(HOUR_MS) });
    const complete = scene.client.complete({ ...scene.holder(lease), ttl: durationFromMs(HOUR_MS - 1) });
    expect(await refusal(complete)).toMatchObject({ reason: 'INVALID_FIELD', fields: ['ttl'] });
  });
});
