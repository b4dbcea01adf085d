// A primary and its callers are cut off from the rest of the cluster, which promotes the replica and goes on. On tier replica
// nothing is lost of what callers on either side were told, and no key is granted on both. Without WAIT both happen: that is
// the control, and shows that the cut is one.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeNetworks, missingNetworks, type Network, type Networks } from '../../support/networks.ts';
import { eventually, startRedisCluster, type RedisCluster } from '../../support/redis-cluster.ts';
import { describeWithRedis } from '../../support/with-redis.ts';

/** The long run sets ONCED_PARTITIONS=30. */
const ROUNDS = Number(process.env['ONCED_PARTITIONS'] ?? 1);
const NODE_TIMEOUT_MS = 2_000;
const BEFORE_MS = 1_500;
const CUT_MS = 5_500;
const AFTER_MS = 2_500;
const ROUND_MS_MAX = 60_000;

const CONTENDER = fileURLToPath(new URL('./contender.ts', import.meta.url));

const missing = missingNetworks();
if (missing !== undefined) test.skip(`a Redis Cluster cut in two: ${missing}`);

describeWithRedis('a Redis Cluster cut in two', () => {
  describe.skipIf(missing !== undefined)('between networks', () => {
    let networks: Networks;
    let cluster: RedisCluster;
    beforeAll(async () => {
      networks = makeNetworks();
      const { small, large } = networks;
      cluster = await startRedisCluster({
        nodeTimeoutMs: NODE_TIMEOUT_MS,
        placeOf: (index) => (index === 0 ? placeIn(small) : placeIn(large)),
      });
    });
    afterAll(async () => {
      await cluster.dispose();
      networks.dispose();
    });

    test(
      'tier replica: nothing acknowledged is lost, and no key is granted twice',
      { timeout: ROUNDS * ROUND_MS_MAX },
      async () => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const { told, faults } = await playRound(networks, cluster, 'replica');
          console.log(`tier replica, round ${round}: ${told} told, ${faults.length} lost or granted twice`);
          expect(told).toBeGreaterThan(100);
          expect(faults).toEqual([]);
        }
      },
    );

    test('the control, tier cache, loses what it acknowledged', { timeout: ROUND_MS_MAX }, async () => {
      const { told, faults } = await playRound(networks, cluster, 'cache');
      console.log(`tier cache: ${told} told, ${faults.length} lost or granted twice`);
      expect(faults.length).toBeGreaterThan(0);
    });
  });
});

const placeIn = ({ host, name }: Network): { readonly host: string; readonly network: string } => ({
  host,
  network: name,
});

interface Round {
  /** Keys of which somebody was told that he holds them. */
  readonly told: number;
  readonly faults: readonly string[];
}

async function playRound(networks: Networks, cluster: RedisCluster, tier: string): Promise<Round> {
  await returnToFirst(cluster);
  const claim = String(BEFORE_MS + CUT_MS + AFTER_MS);
  const contenders = [networks.small, networks.large].map((network) =>
    startContender(network, `${urlFrom(network, cluster)}?tier=${tier}`, ['claim', claim]),
  );
  await Promise.all(contenders.map(({ ready }) => ready));
  const claiming = Promise.all(contenders.map((contender) => contender.run('')));
  await sleep(BEFORE_MS);
  networks.cut();
  await sleep(CUT_MS);
  networks.heal();
  const ledgers = await claiming;
  expect(await cluster.primaries[0]?.info('role'), 'the one cut off was replaced').toBe('slave');
  await cluster.settled();
  const url = `${urlFrom(networks.large, cluster)}?tier=${tier}`;
  const faults = JSON.parse(
    await startContender(networks.large, url, ['check']).run(ledgers.join('\n')),
  ) as readonly string[];
  const told = ledgers.map((ledger) => (JSON.parse(ledger) as { granted: unknown[] }).granted.length);
  expect(Math.min(...told), 'both sides were granted something').toBeGreaterThan(0);
  return { told: told.reduce((sum, count) => sum + count, 0), faults };
}

/** The primary that will be cut off must be the one on the small side, whatever the round before did. */
async function returnToFirst(cluster: RedisCluster): Promise<void> {
  const [first] = cluster.primaries;
  if ((await first?.info('role')) === 'slave') await first?.command('cluster', 'failover');
  await eventually('the first node to be primary', async () => (await first?.info('role')) === 'master');
  await cluster.settled();
}

/** From each side the nodes of that side come first. */
function urlFrom({ host }: Network, cluster: RedisCluster): string {
  const nodes = cluster.nodes.toSorted((a, b) => Number(b.host === host) - Number(a.host === host));
  return `redis-cluster://${nodes.map((node) => `${node.host}:${node.port}`).join(',')}`;
}

interface Contender {
  /** Its store is open. */
  readonly ready: Promise<void>;
  /** Gives it its input and resolves with what it says at the end. */
  run(input: string): Promise<string>;
}

function startContender(network: Network, url: string, words: readonly string[]): Contender {
  const command = [...network.under, process.execPath, CONTENDER, url, ...words];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'], timeout: ROUND_MS_MAX });
  child.stdin.on('error', () => undefined);
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    void ended.then(([, trouble]) => reject(new Error(`a contender in ${network.name} did not start: ${trouble}`)));
  });
  return {
    ready,
    async run(input) {
      await ready;
      child.stdin.end(input);
      const [output, trouble] = await ended;
      const said = output.split('\n')[1] ?? '';
      if (said === '') throw new Error(`a contender in ${network.name} said nothing: ${trouble}`);
      return said;
    },
  };
}
