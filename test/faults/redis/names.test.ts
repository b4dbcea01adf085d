// Names of keys: no byte of a caller's, one slot a record, shards spread evenly. And what each error of Redis means.

import { randomBytes } from 'node:crypto';
import { ReplyError } from 'ioredis';
import { describe, expect, test } from 'vitest';
import type { Key, Namespace } from '../../../storage/contract/index.ts';
import { NoAnswerError, NotSentError, storeErrorOf } from '../../../storage/redis/errors.ts';
import { createKeys, namespaceTag, slotOf, SLOTS } from '../../../storage/redis/keys.ts';
import { startRedis } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';

const keys = createKeys('onced', 256);

describeWithRedis('names of keys', () => {
  test('the slot of a tag is the one that Redis computes, for every shard and for any text', async () => {
    const redis = await startRedis({ settings: { 'cluster-enabled': 'yes' } });
    try {
      for (const { slot, indexKey, countsKey } of keys.shards) {
        expect(await redis.command('cluster', 'keyslot', indexKey)).toBe(slot);
        expect(await redis.command('cluster', 'keyslot', countsKey)).toBe(slot);
      }
      for (const tag of ['123456789', '', 'é', '😀', randomBytes(20).toString('hex')]) {
        expect(await redis.command('cluster', 'keyslot', tag)).toBe(slotOf(tag));
      }
      const { shard, key } = keys.nameOf({ namespace: 'payments' as Namespace, key: '{steered}' as Key });
      expect(await redis.command('cluster', 'keyslot', key)).toBe(shard.slot);
    } finally {
      await redis.dispose();
    }
  });

  test('every equal range of slots has an equal share of the shards', () => {
    for (const primaries of [2, 3, 5, 8]) {
      const primaryOf = (slot: number): number => Math.floor((slot * primaries) / SLOTS);
      const counts = Array.from(
        { length: primaries },
        (_, primary) => keys.shards.filter(({ slot }) => primaryOf(slot) === primary).length,
      );
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });

  test('a record is named by a hash alone, of one length, and a namespace by its own', () => {
    const names = ['a', '{tag}', '\r\nFLUSHALL\r\n', '*', 'x'.repeat(512), '😀'].map((key) =>
      keys.nameOf({ namespace: 'payments' as Namespace, key: key as Key }),
    );
    for (const { key, id } of names) {
      expect(key).toMatch(/^onced:\{[0-9a-z]+\}:[\w-]{43}$/);
      expect(id).toMatch(/^[\w-]{51}$/);
      expect(id.startsWith(namespaceTag('payments' as Namespace))).toBe(true);
    }
    expect(new Set(names.map(({ key }) => key)).size).toBe(names.length);
  });
});

describe('an error of Redis', () => {
  const meaningOf = (error: unknown, writes = true): string => storeErrorOf(error, { writes }).kind;

  test.each([
    ['MOVED 3999 127.0.0.1:6381', 'unavailable'],
    ['ASK 3999 127.0.0.1:6381', 'unavailable'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'unavailable'],
    ['CLUSTERDOWN The cluster is down', 'unavailable'],
    ["READONLY You can't write against a read only replica. script: 1f, on @user_script:1.", 'unavailable'],
    ['LOADING Redis is loading the dataset in memory', 'unavailable'],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 'unavailable'],
    ['NOREPLICAS Not enough good replicas to write.', 'unavailable'],
    ['BUSY Redis is busy running a script.', 'unavailable'],
    ['NOAUTH Authentication required.', 'unavailable'],
    ['MISCONF Errors writing to the AOF file: No space left on device', 'unavailable'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'full'],
    ['ERR Error running script (call to f_1f): @user_script:5: -OOM command not allowed', 'full'],
    ["ERR Error running script (call to f_1f): @user_script:5: -READONLY You can't write", 'unavailable'],
    ["NOPERM this user has no permissions to run the 'zadd' command", 'unknown'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'unknown'],
    ['ERR something new', 'unknown'],
  ])('%s', (message, kind) => {
    const error: unknown = new (ReplyError as new (text: string) => Error)(message);
    expect(meaningOf(error)).toBe(kind);
  });

  test('that says nothing is unknown after a write, and out of reach after a read', () => {
    for (const error of [new Error('Connection is closed.'), new NoAnswerError('no answer within 2000 ms')]) {
      expect(meaningOf(error)).toBe('unknown');
      expect(meaningOf(error, false)).toBe('unavailable');
    }
  });

  test('from before anything was sent is out of reach', () => {
    expect(meaningOf(new NotSentError('not connected to Redis'))).toBe('unavailable');
  });
});
