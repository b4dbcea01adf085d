// onced serve --workers: one server to its callers and operators, several processes to the machine.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runOnced } from '../support/onced.ts';
import { startPostgres } from '../support/postgres.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { describeWithRedis } from '../support/with-redis.ts';
import { closeAll, connectEach, NAMESPACE, pageOf, pidOf, seriesOf, serveWorkers, workerPids } from './scene.ts';

const ON_FREE_PORTS = ['--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0'];
const PATIENCE = { timeout: 30_000, interval: 100 };

test.each([
  ['sqlite:./onced.db', 'lets one process at its file'],
  ['memory:', 'is memory of one process'],
])('%s refuses more than one worker, and says what to do', async (store, why) => {
  const { code, stderr } = await runOnced(['serve', '--store', store, '--workers', '2', ...ON_FREE_PORTS]);
  expect(code).toBe(2);
  expect(stderr).toContain(
    `2 workers cannot share ${store}, which ${why}: give --workers 1, or a Postgres or Redis as --store`,
  );
});

test('the number of workers is a setting like others', async () => {
  const environment = { ONCED_WORKERS: '3', ONCED_STORE: 'redis://127.0.0.1:1' };
  const { stdout } = await runOnced(['config'], { environment });
  expect(stdout).toMatch(/workers\s.*3\s.*environment ONCED_WORKERS/);
  const { code, stderr } = await runOnced(['config', '--workers', '65'], { environment });
  expect(code).toBe(2);
  expect(stderr).toContain('--workers is "65", which is not a whole number from 1 to 64');
  const { stdout: checks } = await runOnced(['doctor', '--workers', '64', ...ON_FREE_PORTS], { environment });
  expect(checks).toMatch(/advice .*workers .*64 workers, \d+ cores/);
});

test(
  'over Postgres they are one server, too: who waits on one is answered by the outcome on another',
  { timeout: 120_000 },
  async () => {
    const postgres = await startPostgres();
    try {
      await using server = await serveWorkers(postgres.url, 2);
      const clients = await connectEach(server.grpc, 4);
      const id = { namespace: NAMESPACE, key: randomUUID() };
      const [holder, ...others] = clients;
      const begun = await holder?.beginIntent({ ...id, attemptId: 'holder' });
      if (begun?.outcome.case !== 'acquired') return expect.fail('a fresh key was not acquired');
      const wait = { seconds: 30n };
      const waiting = others.map(async (client, index) => client.beginIntent({ ...id, attemptId: `${index}`, wait }));
      await expect.poll(() => seriesOf(server.http, 'onced_waiters'), PATIENCE).toEqual(new Map([['', 3]]));
      const result = Buffer.from('paid');
      await holder?.complete({ ...id, leaseToken: begun.outcome.value.leaseToken, result });
      for (const { outcome } of await Promise.all(waiting)) expect(outcome).toMatchObject({ case: 'completed' });
      closeAll(clients);
      server.kill('SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0 });
    } finally {
      await postgres.dispose();
    }
  },
);

describeWithRedis('several workers on one port', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.dispose());

  const share = 'share connections, figures and keys; on SIGTERM each of them lets its calls in flight finish';
  test(share, { timeout: 120_000 }, async () => {
    await using server = await serveWorkers(redis.url, 2);
    expect(await (await fetch(`${server.http}/readyz`)).json()).toMatchObject({ ready: true });
    const clients = await connectEach(server.grpc, 4);
    const key = randomUUID();
    const begun = await Promise.all(
      clients.map(async (client, index) => client.beginIntent({ namespace: NAMESPACE, key, attemptId: `${index}` })),
    );
    expect(begun.filter(({ outcome }) => outcome.case === 'acquired')).toHaveLength(1);
    expect(begun.filter(({ outcome }) => outcome.case === 'inProgress')).toHaveLength(3);
    await expect
      .poll(() => seriesOf(server.http, 'onced_worker_requests_total'), PATIENCE)
      .toEqual(
        new Map([
          ['worker="1"', 4],
          ['worker="2"', 4],
        ]),
      );
    const requests = await seriesOf(server.http, 'onced_requests_total');
    expect([...requests.values()].reduce((sum, value) => sum + value, 0)).toBe(8);
    expect(await seriesOf(server.http, 'onced_workers')).toEqual(new Map([['', 2]]));
    expect((await seriesOf(server.http, 'process_resident_memory_bytes')).size).toBe(2);

    const attempt = { namespace: NAMESPACE, key, wait: { seconds: 30n } };
    const waiting = clients.map(async (client, index) => client.beginIntent({ ...attempt, attemptId: `w${index}` }));
    await expect.poll(() => seriesOf(server.http, 'onced_waiters'), PATIENCE).toEqual(new Map([['', 4]]));
    server.kill('SIGTERM');
    expect((await Promise.all(waiting)).map(({ outcome }) => outcome.case)).toEqual(clients.map(() => 'inProgress'));
    closeAll(clients);
    const { code, stdout, stderr } = await server.ended;
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout).toContain(', 2 workers');
    expect(stderr.match(/ended: calls answered, store closed/g)).toHaveLength(2);
  });

  const replaced =
    'one that stands still makes the server not ready; one that ends is replaced, no total goes back; all end with the first';
  test(replaced, { timeout: 120_000 }, async () => {
    await using server = await serveWorkers(redis.url, 2);
    const readiness = async (): Promise<unknown> => JSON.parse(await pageOf(`${server.http}/readyz`));
    const clients = await connectEach(server.grpc, 2);
    const total = async (): Promise<number> => {
      const series = await seriesOf(server.http, 'onced_worker_requests_total');
      return [...series.values()].reduce((sum, value) => sum + value, 0);
    };
    await expect.poll(total, PATIENCE).toBe(2);
    const victim = pidOf(server, 2);
    process.kill(victim, 'SIGSTOP');
    await expect.poll(readiness, PATIENCE).toMatchObject({ ready: false, reason: 'worker 2 of 2: does not answer' });
    process.kill(victim, 'SIGCONT');
    await expect.poll(readiness, PATIENCE).toMatchObject({ ready: true });
    process.kill(victim, 'SIGTERM');
    await expect.poll(() => workerPids(server).get(2), PATIENCE).not.toBe(victim);
    await expect.poll(readiness, PATIENCE).toMatchObject({ ready: true });
    expect(await total()).toBe(2);
    expect(await seriesOf(server.http, 'onced_worker_ends_total')).toEqual(new Map([['', 1]]));
    closeAll(clients);

    // However the first process goes, the others go with it.
    const pids = [...workerPids(server).values()];
    server.kill('SIGKILL');
    await server.ended;
    const isRunning = (pid: number): boolean => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    await expect.poll(() => pids.filter(isRunning), PATIENCE).toEqual([]);
  });

  test('what the store refuses is told once, and none is left', async () => {
    const evicting = await startRedis({ settings: { 'maxmemory-policy': 'allkeys-lru' } });
    try {
      const { code, stdout, stderr } = await runOnced([
        'serve',
        '--store',
        evicting.url,
        '--workers',
        '2',
        ...ON_FREE_PORTS,
      ]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr.match(/maxmemory-policy: found allkeys-lru/g)).toHaveLength(1);
    } finally {
      await evicting.dispose();
    }
  });
});
