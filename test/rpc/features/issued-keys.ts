// Keys made by the server, in a namespace that accepts no others.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Managed, OpenManaged } from '../managed.ts';
import { bytes, ms, refusal } from '../scene.ts';

const DEMANDED = { requireIssuedKey: true };

async function issue(scene: Managed, namespace = scene.namespace): Promise<string> {
  const { keys } = await scene.client.issueKeys({ namespace });
  return keys[0] ?? expect.fail('no key');
}

/** The key with one character of its signature or content changed. */
function tampered(key: string, index: number): string {
  const place = index < 0 ? key.length + index : index;
  return key.slice(0, place) + (key[place] === 'A' ? 'B' : 'A') + key.slice(place + 1);
}

const refusedFor = async (begin: Promise<unknown>): Promise<string | undefined> => {
  const { reason, metadata } = await refusal(begin);
  expect(reason).toBe('KEY_NOT_ISSUED');
  return metadata['cause'];
};

export function issuedKeyFeatures(openManaged: OpenManaged): void {
  describe('a namespace that demands issued keys', () => {
    test('runs one that was issued for it, once, and replays it', async () => {
      await using scene = await openManaged({ policy: DEMANDED });
      const key = await issue(scene);
      const lease = await scene.acquire({ key });
      await scene.client.complete({ ...scene.holder(lease, key), result: bytes('r') });
      expect((await scene.begin({ key })).outcome.case).toBe('completed');
    });

    test('refuses a key of the caller, and an issued one with any part changed', async () => {
      await using scene = await openManaged({ policy: DEMANDED });
      const key = await issue(scene);
      const forgeries = ['order-1', 'ik1_', `ik1_${'A'.repeat(62)}`, key.slice(0, -1), `${key}A`, `${key}=`];
      for (const forged of [...forgeries, ...[4, 20, 30, 40, -2, -20].map((place) => tampered(key, place))]) {
        expect(await refusedFor(scene.begin({ key: forged }))).toBe('forged');
      }
    });

    test('refuses a key that was issued for another namespace, the one above too', async () => {
      await using scene = await openManaged({ policy: DEMANDED });
      const namespace = `${scene.namespace}/below`;
      const key = await issue(scene);
      expect(await refusedFor(scene.begin({ namespace, key }))).toBe('namespace');
      const belowKey = await issue(scene, namespace);
      expect(await refusedFor(scene.begin({ key: belowKey }))).toBe('namespace');
      await scene.acquire({ namespace, key: belowKey });
    });

    test('refuses a key that expired before it was begun', async () => {
      await using scene = await openManaged({ policy: DEMANDED });
      const [key = ''] = await scene.server.engine.issuedKeys.issue(scene.namespace, 1, Date.now() - 1);
      expect(await refusedFor(scene.begin({ key }))).toBe('expired');
    });

    test('still replays an expired key that was begun in time', async () => {
      await using scene = await openManaged({ policy: DEMANDED });
      const expireMs = Date.now() + 700;
      const [key = ''] = await scene.server.engine.issuedKeys.issue(scene.namespace, 1, expireMs);
      const lease = await scene.acquire({ key });
      await scene.client.complete({ ...scene.holder(lease, key), result: bytes('r') });
      await sleep(Math.max(0, expireMs - Date.now()) + 1);
      expect((await scene.begin({ key })).outcome.case).toBe('completed');
      // Once its record has expired too, it is no longer a retry.
      scene.advance(25 * 3_600_000);
      expect(await refusedFor(scene.begin({ key }))).toBe('expired');
    });
  });

  describe('rotating the secret', () => {
    test('keeps keys of the secret before good, and ends those of the one before that', async () => {
      await using scene = await openManaged({ servers: 2, policy: DEMANDED });
      const old = await issue(scene);
      const older = await issue(scene);
      await scene.admin.rotateIssuedKeySecret({});
      await scene.acquire({ key: old });
      const fresh = await issue(scene);
      await scene.acquire({ key: fresh });
      await scene.admin.rotateIssuedKeySecret({});
      expect(await refusedFor(scene.begin({ key: older }))).toBe('forged');
      await scene.acquire({ key: await issue(scene) });
    });

    test('another server accepts a key of the new secret at once', async () => {
      await using scene = await openManaged({ servers: 2, policy: DEMANDED });
      const [first, second] = scene.servers;
      if (first === undefined || second === undefined) expect.fail('two servers');
      await second.client.issueKeys({ namespace: scene.namespace });
      await first.admin.rotateIssuedKeySecret({});
      const key = await issue(scene);
      expect(await second.engine.issuedKeys.check(scene.namespace, key, Date.now())).toBe('good');
    });
  });

  test('issues as many as asked, all different, and says until when', async () => {
    await using scene = await openManaged();
    const request = { namespace: scene.namespace, count: 1000, ttl: ms(60_000) };
    const { keys, expireTime } = await scene.client.issueKeys(request);
    expect(new Set(keys).size).toBe(1000);
    expect(Number(expireTime?.seconds) * 1000).toBeGreaterThan(Date.now() + 50_000);
    const tooMany = scene.client.issueKeys({ ...request, count: 1001 });
    expect(await refusal(tooMany)).toMatchObject({ reason: 'INVALID_FIELD', fields: ['count'] });
  });
}
