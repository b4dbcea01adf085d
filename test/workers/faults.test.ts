// Workers that die under load: what was acknowledged stands, each attempt finds its own lease again, and callers go on.
// And what workers kept while the store was down is written by whoever comes after them.

import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestClient } from '../support/server.ts';
import { makeFolder, serveOnced } from '../support/onced.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { describeWithRedis } from '../support/with-redis.ts';
import { closeAll, connectEach, NAMESPACE, pidOf, serveWorkers, workerPids } from './scene.ts';

/** The long run sets ONCED_WORKER_KILLS=100. */
const KILLS = Number(process.env['ONCED_WORKER_KILLS'] ?? 2);
const PATIENCE = { timeout: 30_000, interval: 50 };
const UNAVAILABLE = 14;
const CANCELLED_OR_LATE = [1, 4];

describeWithRedis('workers under load', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.dispose());

  test(
    `killed ${KILLS} times: nothing acknowledged is lost, nobody waits for himself, and callers go on`,
    { timeout: 60_000 + KILLS * 15_000 },
    async () => {
      await using server = await serveWorkers(redis.url, 2, { environment: { ONCED_LOG_LEVEL: 'info' } });
      const clients = await connectEach(server.grpc, 4);
      const completed = new Map<string, string>();
      const end = new AbortController();
      const callers = clients.flatMap((client) =>
        Array.from({ length: 8 }, async () => {
          while (!end.signal.aborted) await beginAndComplete(client, completed);
        }),
      );
      for (let kill = 0; kill < KILLS; kill += 1) {
        const before = completed.size;
        await expect.poll(() => completed.size, PATIENCE).toBeGreaterThan(before + 20);
        const worker = 1 + (kill % 2);
        const victim = pidOf(server, worker);
        process.kill(victim, 'SIGKILL');
        await expect.poll(() => workerPids(server).get(worker), PATIENCE).not.toBe(victim);
      }
      const before = completed.size;
      await expect.poll(() => completed.size, PATIENCE).toBeGreaterThan(before + 20);
      end.abort();
      await Promise.all(callers);
      const [client] = clients;
      for (const [key, result] of completed) {
        const found = await client?.lookup({ namespace: NAMESPACE, key, includeResult: true });
        expect(Buffer.from(found?.record?.result ?? []).toString()).toBe(result);
      }
      console.log(`${KILLS} workers killed, ${completed.size} outcomes acknowledged, 0 lost`);
      closeAll(clients);
      server.kill('SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0 });
    },
  );

  test('what two workers kept during an outage is written by a server with one', { timeout: 120_000 }, async () => {
    await using folder = await makeFolder();
    const config = join(folder.path, 'onced.yaml');
    await writeFile(config, `namespaces:\n  ${NAMESPACE}:\n    on_store_outage: CONTINUE_DEGRADED\n`);
    const options = { folder: folder.path, environment: { ONCED_CONFIG: config } };
    const keys = Array.from({ length: 4 }, () => randomUUID());
    {
      await using server = await serveWorkers(redis.url, 2, options);
      const clients = await connectEach(server.grpc, keys.length);
      await redis.stop();
      for (const [index, client] of clients.entries()) await completeDegraded(client, keys[index] ?? '');
      server.kill('SIGKILL');
      await server.ended;
      closeAll(clients);
    }
    await redis.start();
    await using server = await serveOnced(['--store', redis.url], options);
    const [client] = await connectEach(server.grpc, 1);
    for (const key of keys) {
      const find = async () =>
        client?.lookup({ namespace: NAMESPACE, key, includeResult: true }).catch(() => undefined);
      await expect
        .poll(async () => Buffer.from((await find())?.record?.result ?? []).toString(), PATIENCE)
        .toBe(`result of ${key}`);
    }
    client?.raw.close();
  });
});

/** Repeats what was not answered, as a client does. */
async function insist<Response>(call: () => Promise<Response>): Promise<Response> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const { code } = error as { code?: number };
      if (code !== UNAVAILABLE && !CANCELLED_OR_LATE.includes(code ?? -1)) throw error;
      await sleep(20);
    }
  }
}

async function beginAndComplete(client: TestClient, completed: Map<string, string>): Promise<void> {
  const id = { namespace: NAMESPACE, key: randomUUID() };
  const begun = await insist(async () => client.beginIntent({ ...id, attemptId: 'a' }, { timeoutMs: 5_000 }));
  if (begun.outcome.case !== 'acquired') throw new Error(`a fresh key was ${begun.outcome.case ?? 'nothing'}`);
  const { leaseToken, attempt } = begun.outcome.value;
  expect(attempt).toBe(1);
  const result = `result of ${id.key}`;
  await insist(async () => client.complete({ ...id, leaseToken, result: Buffer.from(result) }, { timeoutMs: 5_000 }));
  completed.set(id.key, result);
}

async function completeDegraded(client: TestClient, key: string): Promise<void> {
  const id = { namespace: NAMESPACE, key };
  const { outcome } = await insist(async () => client.beginIntent({ ...id, attemptId: 'a' }));
  if (outcome.case !== 'acquired') throw new Error(`a fresh key was ${outcome.case ?? 'nothing'}`);
  expect(outcome.value.degraded).toBe(true);
  const result = Buffer.from(`result of ${key}`);
  await insist(async () => client.complete({ ...id, leaseToken: outcome.value.leaseToken, result }));
}
