// What Onced refuses to work on, and what it says then: found, needed, how to set it.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { openRedisStore, inspectRedis } from '../../../storage/redis/index.ts';
import { parseLocation } from '../../../storage/redis/location.ts';
import { startRedisCluster } from '../../support/redis-cluster.ts';
import { startRedis, type RedisNodeOptions, type RedisServer } from '../../support/redis.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { beginOf, beginOn, settleOf, settleOn } from '../scene.ts';

describeWithRedis('a Redis that must not be used as it stands', () => {
  const servers: RedisServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.dispose()));
  });
  const start = async (settings: RedisNodeOptions['settings'] = {}): Promise<RedisServer> => {
    const server = await startRedis({ settings });
    servers.push(server);
    return server;
  };
  const refusal = async (url: string): Promise<string> => {
    const error: unknown = await openRedisStore({ url }).then(
      () => 'opened',
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ name: 'StoreRefusedError' });
    return (error as Error).message;
  };

  test.each(['allkeys-lru', 'volatile-ttl', 'allkeys-random'])('that evicts by %s', async (policy) => {
    const { url } = await start({ 'maxmemory-policy': policy });
    expect(await refusal(url)).toContain(`maxmemory-policy: found ${policy}; needed noeviction`);
    expect(await refusal(url)).toContain('CONFIG SET maxmemory-policy noeviction');
  });

  test('that has evicted keys', async () => {
    const server = await start({ 'maxmemory-policy': 'allkeys-lru' });
    for (let key = 0; key < 50; key += 1) await server.command('set', randomUUID(), 'x'.repeat(1_000));
    await server.command('config', 'set', 'maxmemory', 1);
    await server.command('get', 'anything');
    await server.command('config', 'set', 'maxmemory-policy', 'noeviction');
    await server.command('config', 'set', 'maxmemory', 0);
    expect(await refusal(server.url)).toMatch(/evicted_keys: found [1-9]\d*; needed 0/);
  });

  test('without its log', async () => {
    const { url } = await start({ appendonly: 'no' });
    expect(await refusal(url)).toMatch(/appendonly: found no; needed yes.*CONFIG SET appendonly yes/);
  });

  test('that flushes once a second, when tier disk is asked for', async () => {
    const server = await start({ appendfsync: 'everysec' });
    expect(await refusal(`${server.url}?tier=disk`)).toMatch(/appendfsync: found everysec; needed always.*CONFIG SET/);
    await server.command('config', 'set', 'appendfsync', 'always');
    const store = await openRedisStore({ url: `${server.url}?tier=disk` });
    expect(store.description.tier).toBe('disk');
    await store.close();
  });

  test('without a replica, when tier replica is asked for', async () => {
    const { url } = await start();
    expect(await refusal(`${url}?tier=replica`)).toMatch(/replicas of each primary: found 0; needed at least 1/);
  });

  test('that is a replica', async () => {
    const [primary, replica] = [await start(), await start()];
    await replica.command('replicaof', primary.host, primary.port);
    expect(await refusal(replica.url)).toContain('role: found a replica; needed a primary');
  });

  test('of which a script may not run', async () => {
    const server = await start();
    await server.command('acl', 'setuser', 'weak', 'on', '>secret', '~*', '&*', '+@all', '-zadd', '-set');
    await server.command('acl', 'setuser', 'weak', '-hset', '-evalsha', '-eval');
    const message = await refusal(server.url.replace('//', '//weak:secret@'));
    expect(message).toContain('scripts: found NOPERM');
    expect(message).not.toContain('secret');
  });

  test('a cluster asked as a single one, and a single one asked as a cluster', async () => {
    const lone = await start({ 'cluster-enabled': 'yes' });
    expect(await refusal(lone.url)).toContain('write the URL as redis-cluster://');
    const single = await start();
    expect(await refusal(single.url.replace('redis:', 'redis-cluster:'))).toContain('write the URL as redis://');
  });

  test('a cluster of which slots are missing', { timeout: 60_000 }, async () => {
    const cluster = await startRedisCluster();
    try {
      await cluster.primaries[1]?.command('cluster', 'delslots', 8_000);
      const message = await refusal(cluster.url);
      expect(message).toMatch(/cluster_state: found fail; needed ok|slots served: found 16383; needed 16384/);
      for (const node of cluster.nodes) await node.command('config', 'set', 'cluster-require-full-coverage', 'no');
      await expect
        .poll(() => refusal(cluster.url), { timeout: 20_000 })
        .toContain('slots served: found 16383; needed 16384');
    } finally {
      await cluster.dispose();
    }
  });

  test('the strictest tier that holds is the default, and is told', async () => {
    const always = await start({ appendfsync: 'always' });
    await expectTier(always.url, 'disk');
    const replica = await start();
    await replica.command('replicaof', always.host, always.port);
    await expect.poll(async () => always.info('connected_slaves'), { timeout: 10_000 }).toBe('1');
    await expect.poll(() => tierOf(always.url), { timeout: 10_000 }).toBe('replica');
  });

  test('the inspection shows every row, and a warning is no refusal', async () => {
    const server = await start();
    await server.command('setrange', 'ballast', 10_000_000, 'x');
    await server.command('config', 'set', 'maxmemory', Math.round(Number(await server.info('used_memory')) * 1.1));
    const checks = await inspectRedis({ url: server.url });
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['role', 'redis_version', 'maxmemory-policy', 'appendonly', 'scripts', 'evicted_keys']),
    );
    expect(checks.filter(({ ok }) => !ok)).toEqual([expect.objectContaining({ name: 'maxmemory', isAdvice: true })]);
    await (await openRedisStore({ url: server.url })).close();
  });
});

describe('a URL that says too little or too much', () => {
  test.each([
    ['redis://', 'not one of a Redis'],
    ['redis-cluster://one:1,two:x', '"two:x" is not a host and port'],
    ['redis-cluster://one:1/3', 'no database but 0'],
    ['redis-sentinel://one:1', 'the name of the primary is missing'],
    ['redis://one:1/first', 'the database must be a whole number'],
    ['redis://one?tier=strict', 'the tier must be one of cache, disk, replica'],
    ['redis://one?replicas=all', 'replicas must be a whole number'],
    ['redis://one?prefix={tag}', 'the prefix must be'],
  ])('%s', (url, sentence) => {
    expect(() => parseLocation(url)).toThrow(sentence);
  });

  test('a whole one is read, and shown without its password', () => {
    const url = 'rediss-cluster://us%40er:p%2Fw@one:7000,[::1]:7001,two?tier=replica&replicas=2&prefix=staging';
    expect(parseLocation(url)).toEqual({
      kind: 'cluster',
      addresses: [
        { host: 'one', port: 7000 },
        { host: '::1', port: 7001 },
        { host: 'two', port: 6379 },
      ],
      sentinelName: '',
      username: 'us@er',
      password: 'p/w',
      tls: true,
      database: 0,
      prefix: 'staging',
      tier: 'replica',
      replicas: 2,
      text: 'rediss-cluster://one:7000,[::1]:7001,two',
    });
  });
});

async function tierOf(url: string): Promise<string> {
  const store = await openRedisStore({ url });
  await store.close();
  return store.description.tier;
}

async function expectTier(url: string, tier: string): Promise<void> {
  expect(await tierOf(url)).toBe(tier);
}

/** Two lists of upper-case words, as the page has them. */
const COMMANDS = /A user for Onced needs[^`]*`([A-Z\s]+)`[^`]*`[^`]*`[^`]*`([A-Z\s]+)`/;

describeWithRedis('a user that may do only what docs/redis.md names', () => {
  test('is enough for every verb', async () => {
    const redis = await startRedis();
    const [, onKeys = '', others = ''] = COMMANDS.exec(readFileSync('docs/redis.md', 'utf8')) ?? [];
    const commands = `${onKeys} ${others}`.split(/\s+/).filter(Boolean);
    expect(commands.length).toBeGreaterThan(20);
    await redis.command('acl', 'setuser', 'onced', 'on', '>secret', '~onced:*', '&onced:changes', '-@all');
    for (const command of commands) await redis.command('acl', 'setuser', 'onced', `+${command.toLowerCase()}`);
    const store = await openRedisStore({ url: redis.url.replace('//', '//onced:secret@') });
    try {
      const call = beginOf(randomUUID());
      await beginOn(store, call);
      await beginOn(store, call);
      await settleOn(store, settleOf(call.key, call.leaseToken, 'paid'));
      const { record } = await store.read({ ...call, includeResult: true });
      if (record === undefined) throw new Error('the record is not there');
      await store.list({ limit: 10 });
      await store.list({ limit: 10, orphanedOnly: true });
      await store.stats();
      await store.compact({ limit: 10 }, { nowMs: record.resultExpireMs });
      await store.compact({ limit: 10 }, { nowMs: record.purgeMs });
      await beginOn(store, call);
      const held = await store.read({ ...call, includeResult: false });
      const removal = { ...call, revision: held.record?.revision ?? 0, force: true };
      await expect.poll(async () => store.remove(removal)).toBe(true);
      const entry = { collection: 'policies', name: 'payments', value: '{}' };
      await store.registry.put(entry);
      await store.registry.get(entry);
      await store.registry.list({ collection: 'policies', limit: 10 });
      await store.registry.remove(entry);
      await store.ping();
    } finally {
      await store.close();
      await redis.dispose();
    }
  });
});
