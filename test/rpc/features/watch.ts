// WatchIntent on every store: the record now, each change, the outcome.

import { describe, expect, test } from 'vitest';
import { FailKind } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { follow, idOf, statesOf, until } from '../follow.ts';
import type { OpenManaged } from '../managed.ts';
import { bytes, ms, refusalOf } from '../scene.ts';

export function watchFeatures(openManaged: OpenManaged): void {
  describe('whoever follows a key', () => {
    test('sees it as it is, each change, the outcome with its result, and then the end', async () => {
      await using scene = await openManaged();
      const first = await scene.acquire();
      const following = follow(scene.client, idOf(scene));
      await until(() => following.seen.length === 1);
      await scene.client.checkpoint({ ...scene.holder(first), data: bytes('secret step') });
      await until(() => following.seen.length === 2);
      await scene.client.fail({ ...scene.holder(first), kind: FailKind.RETRYABLE });
      await until(() => following.seen.length === 3);
      const second = await scene.acquire();
      await until(() => following.seen.length === 4);
      await scene.client.complete({ ...scene.holder(second), result: bytes('done') });
      expect(await following.ended).toBeUndefined();
      expect(statesOf(following)).toEqual(['IN_PROGRESS', 'IN_PROGRESS', 'RELEASED', 'IN_PROGRESS', 'COMPLETED']);
      const last = following.seen.at(-1);
      expect(last?.final).toBe(true);
      expect(Buffer.from(last?.record?.result ?? []).toString()).toBe('done');
      expect(following.seen.every(({ record }) => record?.checkpoint === undefined)).toBe(true);
    });

    test('gets an outcome of long ago at once, and the end', async () => {
      await using scene = await openManaged();
      await scene.client.complete({ ...scene.holder(await scene.acquire()), result: bytes('done') });
      const following = follow(scene.client, idOf(scene));
      expect(await following.ended).toBeUndefined();
      expect(statesOf(following)).toEqual(['COMPLETED']);
    });

    test('is told when there is nothing to follow', async () => {
      await using scene = await openManaged();
      const error = await follow(scene.client, idOf(scene)).ended;
      expect(error === undefined ? undefined : refusalOf(error).reason).toBe('INTENT_NOT_FOUND');
    });

    test('sees through another server what happens, and that a lease lapsed', async () => {
      await using scene = await openManaged({ servers: 2 });
      const other = scene.servers[1] ?? scene.server;
      const lease = await scene.acquire({ lease: ms(5000) });
      const following = follow(other.client, idOf(scene));
      await until(() => following.seen.length === 1);
      scene.advance(5000);
      await until(() => statesOf(following).includes('ORPHANED'));
      await scene.client.complete({ ...scene.holder(lease), result: bytes('late') });
      expect(await following.ended).toBeUndefined();
      expect(statesOf(following)).toEqual(['IN_PROGRESS', 'ORPHANED', 'COMPLETED']);
    });
  });
}
