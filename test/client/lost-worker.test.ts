// Payments whose worker vanishes right after the charge, the provider's reply lost: 1,000 under each policy, and nobody is
// charged twice. On SQLite, the default store.

import { describe, expect, test } from 'vitest';
import {
  createClient,
  OrphanedError,
  RetryableError,
  type OncedClient,
  type WorkContext,
} from '../../clients/node/index.ts';
import { OnLeaseExpiry } from '../../proto/gen/onced/v1/admin_pb.js';
import { sqliteSubject } from '../conformance/subjects/sqlite.ts';
import { openManaged, type Managed, type PolicyInit } from '../rpc/managed.ts';
import { bytes, ms } from '../rpc/scene.ts';

const PAYMENTS = 1000;
/** Workers that vanish before the charge: the order must be charged by whoever comes next. */
const UNCHARGED_EVERY = 10;
const AT_ONCE = 50;

const openOnSqlite = async (policy: PolicyInit = {}): Promise<Managed> =>
  openManaged({ subject: sqliteSubject, policy });

interface Provider {
  readonly charges: Map<string, number>;
  charge(order: string): string;
  find(order: string): string | undefined;
}

function startProvider(): Provider {
  const charges = new Map<string, number>();
  return {
    charges,
    charge(order) {
      charges.set(order, (charges.get(order) ?? 0) + 1);
      return `charged ${order}`;
    },
    find: (order) => (charges.has(order) ? `charged ${order}` : undefined),
  };
}

async function inBatches<T>(items: readonly T[], run: (item: T, index: number) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    await Promise.all(items.slice(start, start + AT_ONCE).map(async (item, index) => run(item, start + index)));
  }
}

/** Each worker says what it is about to do, does it, and is never heard of again. */
async function loseWorkers(scene: Managed, provider: Provider, orders: readonly string[]): Promise<void> {
  await inBatches(orders, async (key, index) => {
    const lease = await scene.acquire({ key, lease: ms(60_000) });
    await scene.client.checkpoint({ ...scene.holder(lease, key), data: bytes(key), lease: ms(60_000) });
    if (index % UNCHARGED_EVERY !== 0) provider.charge(key);
  });
  scene.advance(60_000);
}

/** What an attempt does that may not be the first: it asks before it charges. */
const payCarefully =
  (provider: Provider, order: string) =>
  ({ takenOver, previousCheckpoint }: WorkContext): string => {
    if (!takenOver && previousCheckpoint === undefined) return provider.charge(order);
    return provider.find(Buffer.from(previousCheckpoint ?? []).toString()) ?? provider.charge(order);
  };

const twice = ({ charges }: Provider): number => [...charges.values()].filter((times) => times > 1).length;
const ordersOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `order-${index}`);

async function withClient(scene: Managed, use: (client: OncedClient) => Promise<void>): Promise<void> {
  const client = createClient({ address: scene.server.address });
  try {
    await use(client);
  } finally {
    client.close();
  }
}

describe('the worker vanished after the charge', () => {
  test('under TAKE_OVER the next attempt sees the checkpoint and asks the provider', async () => {
    await using scene = await openOnSqlite();
    const [provider, orders] = [startProvider(), ordersOf(PAYMENTS)];
    await loseWorkers(scene, provider, orders);
    await withClient(scene, async (client) => {
      await inBatches(orders, async (order) => {
        const pay = async () => client.runOnce(scene.namespace, order, null, payCarefully(provider, order));
        const paid = await Promise.all([pay(), pay()]);
        expect(paid.map(({ value }) => value)).toEqual([`charged ${order}`, `charged ${order}`]);
      });
    });
    expect(provider.charges.size).toBe(PAYMENTS);
    expect(twice(provider)).toBe(0);
  }, 60_000);

  test('under TAKE_OVER whoever does not ask charges again: the policy for work that can be repeated', async () => {
    await using scene = await openOnSqlite();
    const [provider, orders] = [startProvider(), ordersOf(20)];
    await loseWorkers(scene, provider, orders);
    await withClient(scene, async (client) => {
      await inBatches(orders, async (order) => {
        await client.runOnce(scene.namespace, order, null, () => provider.charge(order));
      });
    });
    expect(twice(provider)).toBe(18);
  });

  test('under HOLD nothing runs until two reconcilers have resolved each of them', async () => {
    await using scene = await openOnSqlite({ onLeaseExpiry: OnLeaseExpiry.HOLD });
    const [provider, orders] = [startProvider(), ordersOf(PAYMENTS)];
    await loseWorkers(scene, provider, orders);
    const before = provider.charges.size;
    await withClient(scene, async (client) => {
      const pay = async (order: string) => client.runOnce(scene.namespace, order, null, () => provider.charge(order));
      await inBatches(orders, async (order) => {
        await expect(pay(order)).rejects.toBeInstanceOf(OrphanedError);
      });
      expect(provider.charges.size).toBe(before);
      const reconcileAll = async (): Promise<number> => {
        let claimed = 0;
        for (;;) {
          const round = await client.reconcile(scene.namespace, ({ key }) => findOrRelease(provider, key), {
            limit: 50,
          });
          if (round.claimed === 0) return claimed;
          claimed += round.claimed;
        }
      };
      const [first, second] = await Promise.all([reconcileAll(), reconcileAll()]);
      expect(first + second).toBe(PAYMENTS);
      await inBatches(orders, async (order) => {
        expect((await pay(order)).value).toBe(`charged ${order}`);
      });
    });
    expect(provider.charges.size).toBe(PAYMENTS);
    expect(twice(provider)).toBe(0);
  }, 60_000);
});

function findOrRelease(provider: Provider, order: string): string {
  const found = provider.find(order);
  if (found === undefined) throw new RetryableError(`the provider knows of no charge for ${order}`);
  return found;
}
