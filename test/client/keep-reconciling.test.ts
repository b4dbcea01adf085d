// Workers for orphans: as many as one likes, none of them ever has another's orphan, and what one leaves when it dies
// is taken by the next.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import {
  FinalError,
  PermissionDeniedError,
  RetryableError,
  type IntentRecord,
  type KeepReconcilingOptions,
  type OncedClient,
  type Reconciled,
  type Review,
} from '../../clients/node/index.ts';
import { openAuthScene } from '../auth/scene.ts';
import { createClient } from '../../clients/node/index.ts';
import { acquire, describeTransports, later, rejection, until, type Scene } from './support/scene.ts';

const CHILD = fileURLToPath(new URL('./support/reconciler.ts', import.meta.url));
const LEASE_MS = 60_000;

/** Keys whose holders save a checkpoint and are never heard of again. */
async function loseHolders(scene: Scene, count: number): Promise<{ namespace: string; keys: readonly string[] }> {
  const { namespace } = scene.place();
  const keys = Array.from({ length: count }, (_, index) => `order-${index}`);
  await Promise.all(
    keys.map(async (key) => {
      const { leaseToken } = await acquire(scene, { namespace, key, leaseMs: LEASE_MS, labels: { shop: 'one' } });
      await scene.client.checkpoint({
        namespace,
        key,
        leaseToken,
        data: Buffer.from(`tx of ${key}`),
        leaseMs: LEASE_MS,
      });
    }),
  );
  scene.advance(LEASE_MS);
  return { namespace, keys };
}

interface Worker {
  stop(): Promise<Reconciled>;
}

/** Quick enough for tests; each test overrides what it is about. */
function startWorker(
  client: OncedClient,
  namespace: string,
  review: Review,
  options: Partial<KeepReconcilingOptions> = {},
): Worker {
  const end = new AbortController();
  const quick = { idleMs: 20, reviewsPerSecondMax: 10_000, ...options };
  const working = client.keepReconciling(namespace, review, { ...quick, signal: end.signal });
  return {
    async stop() {
      end.abort();
      return working;
    },
  };
}

const stateOf = async (scene: Scene, namespace: string, key: string): Promise<string> =>
  (await scene.client.lookup({ namespace, key })).state;

describeTransports('keepReconciling', (scene) => {
  const workers: Worker[] = [];
  const start = (...args: Parameters<typeof startWorker>): Worker => {
    const worker = startWorker(...args);
    workers.push(worker);
    return worker;
  };
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop().catch(() => undefined)));
  });

  test('three workers at once review each orphan once, and what they find is recorded', async () => {
    const { namespace, keys } = await loseHolders(scene, 120);
    const reviewed: string[] = [];
    const review: Review = async ({ key }) => {
      await later(Math.random() * 5);
      reviewed.push(key);
      return `found ${key}`;
    };
    const clients = [scene.client, scene.connect(), scene.connect()];
    const all = clients.map((client) => start(client, namespace, review, { limit: 7 }));
    await until(() => reviewed.length >= keys.length, 30_000);
    await later(60);
    const totals = await Promise.all(all.map(async (worker) => worker.stop()));
    expect(reviewed.toSorted()).toEqual(keys.toSorted());
    expect(totals.reduce((sum, { completed }) => sum + completed, 0)).toBe(keys.length);
    const replayed = await scene.client.runOnce(namespace, 'order-7', null, () => 'not run', { fingerprints: [] });
    expect(replayed).toMatchObject({ value: 'found order-7', replayed: true });
  });

  test('gives the review key, labels and checkpoint, and does what it says', async () => {
    const { namespace } = await loseHolders(scene, 4);
    const seen: unknown[] = [];
    const review: Review = async ({ key, labels, attempt }: IntentRecord, { previousCheckpoint, takenOver }) => {
      const checkpoint = Buffer.from(previousCheckpoint ?? []).toString();
      seen.push({ key, labels, attempt, checkpoint, takenOver });
      if (key === 'order-1') throw new RetryableError('the provider has no charge');
      if (key === 'order-2') throw new FinalError('the card was stolen');
      if (key === 'order-3') throw new Error('the provider is away');
      return 'charged';
    };
    const worker = start(scene.client, namespace, review);
    await until(() => seen.length >= 4);
    const total = await worker.stop();
    expect(seen).toContainEqual({
      key: 'order-0',
      labels: { shop: 'one' },
      attempt: 1,
      checkpoint: 'tx of order-0',
      takenOver: true,
    });
    expect(total).toEqual({ claimed: 4, completed: 1, released: 1, failed: 1, kept: 1 });
    const keys = ['order-0', 'order-1', 'order-2', 'order-3'];
    const states = await Promise.all(keys.map(async (key) => stateOf(scene, namespace, key)));
    expect(states).toEqual(['completed', 'released', 'failed', 'in-progress']);
  });

  test('an orphan that is kept comes again after keepMs, and does not hold up those behind it', async () => {
    const { namespace, keys } = await loseHolders(scene, 30);
    const reviewed: string[] = [];
    const review: Review = async ({ key }) => {
      reviewed.push(key);
      if (key !== 'order-29' && reviewed.length <= 30) throw new Error('nobody can tell yet');
      return 'found';
    };
    const worker = start(scene.client, namespace, review, { limit: 2, keepMs: LEASE_MS });
    await until(() => reviewed.length >= 30, 30_000);
    await later(100);
    expect(reviewed.toSorted()).toEqual(keys.toSorted());
    scene.advance(LEASE_MS);
    await until(() => reviewed.length >= 59, 30_000);
    expect(await worker.stop()).toMatchObject({ claimed: 59, kept: 29, completed: 30 });
  });

  test('takes no more a second than it was told', async () => {
    const { namespace } = await loseHolders(scene, 20);
    const startMs = performance.now();
    let reviews = 0;
    start(scene.client, namespace, () => (reviews += 1), { limit: 5, reviewsPerSecondMax: 20 });
    await until(() => reviews === 20, 30_000);
    // Three pauses of a quarter of a second; timers may be a little early.
    expect(performance.now() - startMs).toBeGreaterThan(700);
  });

  test('ends when told to, once the reviews in hand are recorded', async () => {
    const { namespace } = await loseHolders(scene, 9);
    let begun = 0;
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const review: Review = async () => {
      begun += 1;
      await gate;
      return 'found';
    };
    const worker = start(scene.client, namespace, review, { limit: 3 });
    await until(() => begun === 3);
    const ending = worker.stop();
    goOn();
    expect(await ending).toMatchObject({ claimed: 3, completed: 3 });
    expect(begun).toBe(3);
  });

  test('goes on when the server was away', async () => {
    const { namespace } = await loseHolders(scene, 6);
    const client = scene.shaky({ retry: { triesMax: 1 } });
    const reviewed = new Set<string>();
    scene.proxy.refuse();
    start(client, namespace, ({ key }) => reviewed.add(key) && 'found');
    await until(() => scene.logged.some(({ message }) => message.includes('orphans could not be taken')), 30_000);
    scene.proxy.heal();
    await until(() => reviewed.size === 6, 30_000);
  });

  test('a worker that is killed half way loses nothing: its orphans come to the next, settled ones do not', async () => {
    const { namespace, keys } = await loseHolders(scene, 20);
    const child = spawn(process.execPath, [CHILD, scene.server.address, namespace], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const killed = once(child, 'exit');
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const settled = async (): Promise<boolean> => {
      const states = await Promise.all(keys.map(async (key) => stateOf(scene, namespace, key)));
      return states.filter((state) => state === 'completed').length === 10;
    };
    await until(settled, 30_000);
    const left: string[] = [];
    start(scene.client, namespace, ({ key }) => left.push(key) && 'found by the next');
    await later(100);
    // It lives, and keeps the leases of those in hand.
    expect(left).toEqual([]);
    child.kill('SIGKILL');
    await killed;
    scene.advance(1_000);
    await until(() => left.length >= 10, 30_000);
    expect([...said.trim().split('\n'), ...left].toSorted()).toEqual(keys.toSorted());
  }, 60_000);
});

test('a worker that may not claim orphans here is told so instead of trying for ever', async () => {
  await using scene = await openAuthScene();
  const token = await scene.keyOf({ role: 'reader', pattern: '*' });
  using client = createClient({ address: scene.server.address, token, tls: false });
  const { signal } = new AbortController();
  const working = client.keepReconciling('payments', () => 'found', { signal });
  expect(await rejection(working)).toBeInstanceOf(PermissionDeniedError);
  const never = client.keepReconciling('payments', () => 'found', { signal, reviewsPerSecondMax: 0 });
  await expect(never).rejects.toThrow('reviewsPerSecondMax must be above 0, found 0');
});
