// What the nodes say of themselves, read for the checks.

import { replyCode, storeErrorOf } from './errors.ts';
import type { Keys } from './keys.ts';
import { readLayout, type Layout } from './layout.ts';
import type { Link } from './link.ts';
import type { Primary } from './primary.ts';
import { probeCall } from './probe.ts';
import type { Router } from './router.ts';

export interface NodeFacts {
  readonly address: string;
  readonly version: string;
  readonly role: string;
  readonly isCluster: boolean;
  readonly evictionPolicy: string;
  readonly evictedKeys: number;
  readonly memoryBytes: number;
  /** 0: no limit. */
  readonly memoryBytesMax: number;
  readonly hasLog: boolean;
  readonly isLogHealthy: boolean;
  /** Undefined where CONFIG is not allowed. */
  readonly logFlush: string | undefined;
  readonly replicasMinToWrite: number | undefined;
  readonly replicas: number;
  /** The node's clock less ours. */
  readonly skewMs: number;
  /** Why the claim script did not run; undefined when it did, or when no shard lies on the node. */
  readonly scriptTrouble: string | undefined;
}

export interface ClusterFacts {
  readonly state: string;
  readonly slotsServed: number;
}

export interface Facts {
  readonly nodes: readonly NodeFacts[];
  /** Undefined for one that is no cluster. */
  readonly cluster: ClusterFacts | undefined;
  /** Undefined where it cannot be read; other facts say why. */
  readonly layout: Layout | undefined;
}

/** Asks every primary that the router knows. Rejects with StoreError when one of them does not answer. */
export async function gatherFacts(router: Router, keys: Keys): Promise<Facts> {
  try {
    const primaries = [...router.primaries()];
    const nodes = await Promise.all(
      primaries.map(async ([address, primary]) => {
        const facts = await nodeFacts(address, primary);
        // A replica refuses it, and the connection with it.
        const mayWrite = facts.role === 'master';
        return { ...facts, scriptTrouble: mayWrite ? await tryScript(primary, router, keys) : undefined };
      }),
    );
    const isCluster = nodes.some((node) => node.isCluster);
    return {
      nodes,
      cluster: isCluster ? await clusterFacts(primaries.map(([, { link }]) => link)) : undefined,
      layout: await readLayout({ router, prefix: keys.prefix }).catch(() => undefined),
    };
  } catch (error) {
    throw storeErrorOf(error, { writes: false });
  }
}

async function nodeFacts(address: string, { link }: Primary): Promise<Omit<NodeFacts, 'scriptTrouble'>> {
  await link.ready();
  const [info, skewMs, logFlush, replicasMin] = await Promise.all([
    infoOf(link, 'info', []),
    skewOf(link),
    settingOf(link, 'appendfsync'),
    settingOf(link, 'min-replicas-to-write'),
  ]);
  const text = (name: string): string => info.get(name) ?? '';
  return {
    address,
    version: text('redis_version'),
    role: text('role'),
    isCluster: text('cluster_enabled') === '1',
    evictionPolicy: text('maxmemory_policy'),
    evictedKeys: Number(text('evicted_keys')),
    memoryBytes: Number(text('used_memory')),
    memoryBytesMax: Number(text('maxmemory')),
    hasLog: text('aof_enabled') === '1',
    isLogHealthy: text('aof_last_write_status') !== 'err',
    logFlush,
    replicasMinToWrite: replicasMin === undefined ? undefined : Number(replicasMin),
    replicas: [...info].filter(([name, value]) => /^slave\d+$/.test(name) && value.includes('state=online')).length,
    skewMs,
  };
}

/** The worst that any of them says: news of a lost slot takes a moment to reach all. */
async function clusterFacts(links: readonly Link[]): Promise<ClusterFacts> {
  const infos = await Promise.all(links.map((link) => infoOf(link, 'cluster', ['info'])));
  return {
    state: infos.map((info) => info.get('cluster_state') ?? '').find((state) => state !== 'ok') ?? 'ok',
    slotsServed: Math.min(...infos.map((info) => Number(info.get('cluster_slots_ok')))),
  };
}

async function tryScript(primary: Primary, router: Router, keys: Keys): Promise<string | undefined> {
  const shard = keys.shards.find(({ slot }) => router.primaryOf(slot) === primary);
  if (shard === undefined) return undefined;
  try {
    await primary.link.run(probeCall(shard), false);
    return undefined;
  } catch (error) {
    // Full is a state that passes: what is held can still be settled.
    if (replyCode(error) === 'OOM') return undefined;
    return error instanceof Error ? error.message : String(error);
  }
}

/** Measured against the middle of the round trip. */
async function skewOf(link: Link): Promise<number> {
  const startMs = Date.now();
  const [seconds, microseconds] = ((await link.send('time', [])) as readonly Buffer[]).map(Number);
  const nodeMs = (seconds ?? 0) * 1_000 + (microseconds ?? 0) / 1_000;
  return Math.round(nodeMs - (startMs + Date.now()) / 2);
}

async function settingOf(link: Link, name: string): Promise<string | undefined> {
  try {
    const [, value] = (await link.send('config', ['get', name])) as readonly Buffer[];
    return value?.toString();
  } catch {
    return undefined;
  }
}

/** Lines of the form name:value. */
async function infoOf(link: Link, command: string, args: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const lines = String(await link.send(command, args)).split('\r\n');
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)];
    }),
  );
}
