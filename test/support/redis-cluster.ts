// A real Redis Cluster for tests: by default three primaries with a replica each, made with CLUSTER commands.

import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { startRedis, type RedisServer, type RedisSettings } from './redis.ts';

export interface ClusterNode extends RedisServer {
  readonly id: string;
}

export interface RedisCluster {
  /** As they were made: roles may have changed. */
  readonly primaries: readonly ClusterNode[];
  readonly replicas: readonly ClusterNode[];
  readonly nodes: readonly ClusterNode[];
  readonly url: string;
  /** Resolves once each node says that the cluster works, and primaries and replicas that they have each other. */
  settled(): Promise<void>;
  dispose(): Promise<void>;
}

export interface ClusterOptions {
  readonly settings?: RedisSettings;
  readonly replicasEach?: number;
  readonly nodeTimeoutMs?: number;
  /** Address and network namespace of each node, for tests that cut a network in two. */
  readonly placeOf?: (index: number) => { readonly host: string; readonly network: string };
  /** The port by which others reach the node, for a proxy before it; all that the cluster says of the node names it. */
  readonly portAnnounced?: (node: { readonly host: string; readonly port: number }) => Promise<number>;
}

const PRIMARIES = 3;
const SETTLE_MS_MAX = 30_000;

export async function startRedisCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { replicasEach = 1, nodeTimeoutMs = 2_000 } = options;
  const count = PRIMARIES * (1 + replicasEach);
  const ports = await Promise.all(
    Array.from({ length: count }, async () => [await freePort(), await freePort()] as const),
  );
  const nodes = await Promise.all(
    ports.map(async ([port, busPort], index) => {
      const announced = await options.portAnnounced?.({ host: '127.0.0.1', port });
      const settings = {
        'cluster-enabled': 'yes',
        'cluster-node-timeout': String(nodeTimeoutMs),
        'cluster-port': String(busPort),
        ...(announced !== undefined && { 'cluster-announce-port': String(announced) }),
        ...options.settings,
      };
      const server = await startRedis({ port, settings, ...options.placeOf?.(index) });
      return Object.assign(server, { id: String(await server.command('cluster', 'myid')), busPort });
    }),
  );
  const primaries = nodes.slice(0, PRIMARIES);
  const replicas = nodes.slice(PRIMARIES);
  await join(primaries, replicas, nodes);
  const settled = (): Promise<void> => waitUntilSettled(nodes);
  await settled();
  return {
    primaries,
    replicas,
    nodes,
    url: `redis-cluster://${nodes.map(({ host, port }) => `${host}:${port}`).join(',')}`,
    settled,
    async dispose() {
      await Promise.all(nodes.map((node) => node.dispose()));
    },
  };
}

interface JoiningNode extends ClusterNode {
  readonly busPort: number;
}

async function join(
  primaries: readonly JoiningNode[],
  replicas: readonly JoiningNode[],
  nodes: readonly JoiningNode[],
): Promise<void> {
  const share = Math.ceil(16_384 / primaries.length);
  await Promise.all(
    primaries.map((node, index) =>
      node.command('cluster', 'addslotsrange', index * share, Math.min(16_384, (index + 1) * share) - 1),
    ),
  );
  for (const [index, node] of nodes.entries()) await node.command('cluster', 'set-config-epoch', index + 1);
  const [first] = nodes;
  for (const { host, port, busPort } of nodes.slice(1)) await first?.command('cluster', 'meet', host, port, busPort);
  await eventually('the nodes to know each other', async () => {
    const known = await Promise.all(nodes.map((node) => node.command('cluster', 'info')));
    return known.every((info) => String(info).includes(`cluster_known_nodes:${nodes.length}\r`));
  });
  await Promise.all(
    replicas.map((node, index) => node.command('cluster', 'replicate', primaries[index % primaries.length]?.id ?? '')),
  );
}

async function waitUntilSettled(nodes: readonly ClusterNode[]): Promise<void> {
  await eventually('the cluster to settle', async () => {
    const states = await Promise.all(
      nodes.map(async (node) => [
        String(await node.command('cluster', 'info')),
        String(await node.command('info', 'replication')),
      ]),
    );
    const works = states.every(([cluster = '']) => cluster.includes('cluster_state:ok'));
    const count = (words: RegExp): number =>
      states.reduce((sum, [, replication = '']) => sum + (replication.match(words)?.length ?? 0), 0);
    const replicas = count(/^role:slave/gm);
    // A replica is up at once for itself, for its primary only after its first word: that is what a WAIT counts.
    return works && count(/^master_link_status:up/gm) === replicas && count(/state=online/g) === replicas;
  });
}

/** Asks again until it holds, within a bound. */
export async function eventually(what: string, holds: () => Promise<boolean>, msMax = SETTLE_MS_MAX): Promise<void> {
  const deadlineMs = Date.now() + msMax;
  for (;;) {
    if (await holds().catch(() => false)) return;
    if (Date.now() > deadlineMs) throw new Error(`waited ${msMax} ms in vain for ${what}`);
    await sleep(50);
  }
}
