// Changes that other servers push: heard again after the connection was lost, and whatever else somebody publishes there.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Key, RecordChange, Store } from '../../../storage/contract/index.ts';
import { openRedisStore } from '../../../storage/redis/index.ts';
import { ALONE_MS, BEAT_MS, CALL_MS_MAX } from '../../../storage/redis/limits.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';
import { eventually } from '../../support/redis-cluster.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { describeWithRedis } from '../../support/with-redis.ts';
import { beginOf, beginOn, NAMESPACE, settleOf, settleOn } from '../scene.ts';

describeWithRedis('changes pushed by another server', () => {
  let redis: RedisServer;
  let proxy: TcpProxy;
  let teller: Store;
  let listener: Store;
  const heard: RecordChange[] = [];
  beforeAll(async () => {
    redis = await startRedis();
    proxy = await startTcpProxy(redis);
    teller = await openRedisStore({ url: redis.url });
    listener = await openRedisStore({ url: `redis://127.0.0.1:${proxy.port}` });
    listener.onRemoteChange((change) => heard.push(change));
  });
  afterAll(async () => {
    await Promise.all([teller.close(), listener.close()]);
    await proxy.close();
    await redis.dispose();
  });

  /** One outcome, told by the other server. Whether it was heard soon. */
  const isHeard = async (): Promise<boolean> => {
    const call = beginOf(randomUUID());
    await beginOn(teller, call);
    await settleOn(teller, settleOf(call.key, call.leaseToken, 'paid'));
    const change = { namespace: NAMESPACE, key: call.key, settled: true };
    return expect
      .poll(() => heard, { timeout: 200, interval: 5 })
      .toContainEqual(change)
      .then(
        () => true,
        () => false,
      );
  };

  test('are heard within 200 ms, and never those of the server itself', async () => {
    for (let round = 0; round < 20; round += 1) expect(await isHeard()).toBe(true);
    const call = beginOf(randomUUID());
    await beginOn(listener, call);
    await settleOn(listener, settleOf(call.key, call.leaseToken, 'paid'));
    expect(await isHeard()).toBe(true);
    expect(heard.map(({ key }) => key)).not.toContain(call.key);
  });

  test('are heard again after the connection was cut', { timeout: 30_000 }, async () => {
    proxy.cut();
    await eventually('a change to be heard', isHeard);
  });

  test('are heard again after the node fell silent', { timeout: 30_000 }, async () => {
    proxy.blackHole({ requests: true, replies: true });
    await new Promise((resolve) => setTimeout(resolve, BEAT_MS + CALL_MS_MAX));
    proxy.heal();
    await eventually('a change to be heard', isHeard);
  });

  test('and what nobody of ours published harms nobody', async () => {
    for (const text of [
      '',
      'x',
      'null',
      '{}',
      '[1]',
      '[["a"]]',
      '['.repeat(1_000),
      randomUUID(),
      `${randomUUID()}{}`,
    ]) {
      await redis.command('publish', 'onced:changes', text);
      await redis.command('publish', 'onced:changes', randomUUID() + text);
    }
    expect(await isHeard()).toBe(true);
  });
});

describeWithRedis('changes that nobody else listens to', () => {
  let redis: RedisServer;
  let teller: Store;
  beforeAll(async () => {
    redis = await startRedis();
    teller = await openRedisStore({ url: redis.url });
  });
  afterAll(async () => {
    await teller.close();
    await redis.dispose();
  });

  const settleOne = async (): Promise<Key> => {
    const call = beginOf(randomUUID());
    await beginOn(teller, call);
    await settleOn(teller, settleOf(call.key, call.leaseToken, 'paid'));
    return call.key;
  };
  const published = async (): Promise<number> =>
    Number(/calls=(\d+)/.exec(await redis.info('cmdstat_publish'))?.[1] ?? 0);

  test('are published ten times a second at most', async () => {
    const [before, startMs] = [await published(), performance.now()];
    for (let round = 0; round < 200; round += 1) await settleOne();
    const turns = (performance.now() - startMs) / ALONE_MS;
    expect((await published()) - before).toBeLessThanOrEqual(turns + 2);
  });

  test('a server that comes hears the very next one, and all after it', async () => {
    // Until it has come the teller knows that it is alone.
    const opened = new AbortController();
    const opening = openRedisStore({ url: redis.url }).finally(() => opened.abort());
    while (!opened.signal.aborted) await settleOne();
    const listener = await opening;
    try {
      const heard: Key[] = [];
      listener.onRemoteChange(({ key }) => heard.push(key));
      for (let round = 0; round < 5; round += 1) {
        const key = await settleOne();
        await expect.poll(() => heard, { timeout: 5_000, interval: 5 }).toContain(key);
      }
    } finally {
      await listener.close();
    }
  });
});
