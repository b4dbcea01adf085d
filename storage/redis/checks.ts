// What must be true of a Redis before Onced works on it, as rows for people: at the start, every 30 seconds, in doctor.

import type { StoreCheck } from '../contract/index.ts';
import type { ClusterFacts, Facts, NodeFacts } from './facts.ts';
import { SLOTS } from './keys.ts';
import { shardsOfNew, type Layout } from './layout.ts';
import { MEMORY_SHARE_WARNED, SKEW_MS_MAX, SKEW_MS_WARNED } from './limits.ts';
import type { RedisLocation } from './location.ts';
import type { Tier } from './tiers.ts';

export interface Wanted {
  readonly kind: RedisLocation['kind'];
  readonly tier: Tier;
  /** By whoever wrote the URL; otherwise it is the strictest that held at the start. */
  readonly isTierNamed: boolean;
  /** How many replicas must confirm a write; 0: none. */
  readonly replicas: number;
  /** As the store said at the start; undefined at the start. */
  readonly shards?: number;
}

/** One row a check; a row that fails names the nodes at which it does. */
export function checkFacts(facts: Facts, wanted: Wanted): readonly StoreCheck[] {
  return rowsOf(facts, wanted).map(({ level, ...row }) => ({
    ...row,
    ok: level === 'ok',
    ...(level === 'warning' ? { isAdvice: true } : {}),
  }));
}

type Level = 'ok' | 'warning' | 'failed';

interface Row extends Omit<StoreCheck, 'ok' | 'isAdvice'> {
  readonly level: Level;
}

function rowsOf({ nodes, cluster, layout }: Facts, wanted: Wanted): readonly Row[] {
  return [
    ...(cluster === undefined ? [] : clusterChecks(cluster, wanted)),
    eachNode(nodes, {
      name: 'role',
      level: ({ role }) => (role === 'master' ? 'ok' : 'failed'),
      found: ({ role }) => (role === 'slave' ? 'a replica' : role),
      needed: 'a primary',
      fix: 'point the URL at the primary, or use redis-sentinel:// or redis-cluster://, which find it',
    }),
    eachNode(nodes, {
      name: 'redis_version',
      level: ({ version }) => (isVersionAtLeast(version, 6, 2) ? 'ok' : 'failed'),
      found: ({ version }) => version,
      needed: '6.2 or later',
      fix: 'upgrade Redis',
    }),
    ...memoryChecks(nodes),
    ...tierChecks(wanted),
    ...durabilityChecks(nodes, wanted),
    eachNode(nodes, {
      name: 'scripts',
      level: ({ scriptTrouble }) => (scriptTrouble === undefined ? 'ok' : 'failed'),
      found: ({ scriptTrouble }) => scriptTrouble ?? 'a claim runs',
      needed: 'that a claim runs',
      fix: 'allow the user EVAL, EVALSHA and the commands of the scripts on keys of the prefix',
    }),
    skewCheck(nodes),
    ...(layout === undefined ? [] : [layoutCheck(layout, wanted)]),
  ];
}

function clusterChecks(cluster: ClusterFacts, { kind }: Wanted): readonly Row[] {
  if (kind !== 'cluster') {
    return [
      {
        name: 'cluster mode',
        level: 'failed',
        found: 'a node of a Redis Cluster',
        needed: 'a Redis without cluster mode',
        fix: 'write the URL as redis-cluster://host:port',
      },
    ];
  }
  return [
    {
      name: 'cluster_state',
      level: cluster.state === 'ok' ? 'ok' : 'failed',
      found: cluster.state,
      needed: 'ok',
      fix: cluster.state === 'ok' ? '' : 'see redis-cli --cluster check, and bring the missing nodes back',
    },
    {
      name: 'slots served',
      level: cluster.slotsServed === SLOTS ? 'ok' : 'failed',
      found: String(cluster.slotsServed),
      needed: String(SLOTS),
      fix:
        cluster.slotsServed === SLOTS
          ? ''
          : 'assign the missing slots with redis-cli --cluster fix, or bring back the nodes that serve them',
    },
  ];
}

function memoryChecks(nodes: readonly NodeFacts[]): readonly Row[] {
  return [
    eachNode(nodes, {
      name: 'maxmemory-policy',
      level: ({ evictionPolicy }) => (evictionPolicy === 'noeviction' ? 'ok' : 'failed'),
      found: ({ evictionPolicy }) => evictionPolicy,
      needed: 'noeviction: any other may delete a record that still guards its key',
      fix: 'CONFIG SET maxmemory-policy noeviction, and the same in redis.conf',
    }),
    eachNode(nodes, {
      name: 'evicted_keys',
      level: ({ evictedKeys }) => (evictedKeys === 0 ? 'ok' : 'failed'),
      found: ({ evictedKeys }) => String(evictedKeys),
      needed: '0: records may be among the evicted',
      fix: 'when no key of Onced was in this Redis then, CONFIG RESETSTAT; otherwise start with an empty one',
    }),
    eachNode(nodes, {
      name: 'maxmemory',
      level: (node) => (memoryShare(node) < MEMORY_SHARE_WARNED ? 'ok' : 'warning'),
      found: (node) => `${Math.round(memoryShare(node) * 100)} % used`,
      needed: `less than ${MEMORY_SHARE_WARNED * 100} %: at 100 % every new key is refused`,
      fix: 'raise maxmemory, shorten the retention of namespaces, or add primaries',
    }),
  ];
}

/** Where replicas come and go a start at a bad moment would take a weaker tier than the one before. */
function tierChecks({ kind, tier, isTierNamed }: Wanted): readonly Row[] {
  if (kind === 'single') return [];
  return [
    {
      name: 'tier',
      level: isTierNamed ? 'ok' : 'warning',
      found: isTierNamed ? tier : `${tier}, the strictest that holds now`,
      needed: 'named in the URL: a start while replicas are away takes a weaker one',
      fix: isTierNamed ? '' : `add ?tier=${tier} to the URL`,
    },
  ];
}

function durabilityChecks(nodes: readonly NodeFacts[], { tier, replicas }: Wanted): readonly Row[] {
  return [
    eachNode(nodes, {
      name: 'appendonly',
      level: ({ hasLog }) => (hasLog ? 'ok' : 'failed'),
      found: ({ hasLog }) => (hasLog ? 'yes' : 'no'),
      needed: 'yes: without it a restart forgets every outcome, and the replicas follow',
      fix: 'CONFIG SET appendonly yes, and the same in redis.conf, on replicas too',
    }),
    eachNode(nodes, {
      name: 'aof_last_write_status',
      level: ({ isLogHealthy }) => (isLogHealthy ? 'ok' : 'failed'),
      found: ({ isLogHealthy }) => (isLogHealthy ? 'ok' : 'err'),
      needed: 'ok',
      fix: 'see the log of Redis; its disk may be full',
    }),
    ...(tier === 'disk' ? [flushCheck(nodes)] : []),
    ...(tier === 'replica' ? replicaChecks(nodes, replicas) : []),
  ];
}

const flushCheck = (nodes: readonly NodeFacts[]): Row =>
  eachNode(nodes, {
    name: 'appendfsync',
    level: ({ logFlush }) => (logFlush === 'always' ? 'ok' : 'failed'),
    found: ({ logFlush }) => logFlush ?? 'not readable, CONFIG is not allowed',
    needed: 'always, for tier disk',
    fix: 'CONFIG SET appendfsync always, and the same in redis.conf, or ask for tier cache',
  });

const replicaChecks = (nodes: readonly NodeFacts[], replicas: number): readonly Row[] => [
  eachNode(nodes, {
    name: 'replicas of each primary',
    level: (node) => (node.replicas >= replicas ? 'ok' : 'failed'),
    found: (node) => String(node.replicas),
    needed: `at least ${replicas}, for tier replica`,
    fix: 'attach replicas, or ask for tier disk or cache',
  }),
  eachNode(nodes, {
    name: 'replicas that confirm',
    level: (node) => (node.replicas <= replicas ? 'ok' : 'warning'),
    found: (node) => `${replicas} of ${node.replicas}`,
    needed: 'all: one that did not confirm may be promoted',
    fix: 'ask for ?replicas= as many as a primary has, or give each primary as many',
  }),
  eachNode(nodes, {
    name: 'min-replicas-to-write',
    level: ({ replicasMinToWrite }) => (replicasMinToWrite === 0 ? 'warning' : 'ok'),
    found: ({ replicasMinToWrite }) => String(replicasMinToWrite ?? 'not readable, CONFIG is not allowed'),
    needed: '1 or more, so that a primary cut off refuses at once',
    fix: 'CONFIG SET min-replicas-to-write 1, and the same in redis.conf',
  }),
];

function skewCheck(nodes: readonly NodeFacts[]): Row {
  const skews = nodes.map(({ skewMs }) => skewMs);
  const apartMs = Math.max(...skews) - Math.min(...skews);
  const level = apartMs > SKEW_MS_MAX ? 'failed' : apartMs > SKEW_MS_WARNED ? 'warning' : 'ok';
  return {
    name: 'clocks of the primaries',
    level,
    found: `${apartMs} ms apart`,
    needed: `at most ${SKEW_MS_WARNED} ms: a failover moves every deadline by as much`,
    fix: level === 'ok' ? '' : 'run NTP on the machines of Redis',
  };
}

function layoutCheck(layout: Layout, { kind, shards }: Wanted): Row {
  const name = 'layout';
  const found = layout.kind === 'shards' ? shardsText(layout.shards) : undefined;
  if (shards !== undefined && (layout.kind !== 'shards' || layout.shards !== shards)) {
    return {
      name,
      level: 'failed',
      found: found ?? 'none',
      needed: `${shardsText(shards)}, as when this server started`,
      fix: 'whoever emptied or replaced this Redis: start all servers again',
    };
  }
  if (layout.kind === 'foreign') {
    return {
      name,
      level: 'failed',
      found: 'records of another version',
      needed: 'records of this version, or none',
      fix: 'add another ?prefix= to the URL; FLUSHDB where nothing that is kept there is needed',
    };
  }
  const isUsual = layout.kind !== 'shards' || layout.shards === shardsOfNew(kind);
  return {
    name,
    level: isUsual ? 'ok' : 'warning',
    found: found ?? 'no records yet',
    needed: `${shardsText(shardsOfNew(kind))}: one Redis is slower with many, of a cluster one node alone works with one`,
    fix: isUsual
      ? ''
      : 'records copied from elsewhere keep their shards: start with another ?prefix= when that matters',
  };
}

const shardsText = (shards: number): string => (shards === 1 ? '1 shard' : `${shards} shards`);

interface NodeCheck {
  readonly name: string;
  readonly level: (node: NodeFacts) => Level;
  readonly found: (node: NodeFacts) => string;
  readonly needed: string;
  readonly fix: string;
}

const LEVELS: readonly Level[] = ['ok', 'warning', 'failed'];

/** The worst of all nodes, and where it was found. */
function eachNode(nodes: readonly NodeFacts[], check: NodeCheck): Row {
  const worst = Math.max(0, ...nodes.map((node) => LEVELS.indexOf(check.level(node))));
  const level = LEVELS[worst] ?? 'failed';
  const those = nodes.filter((node) => check.level(node) === level);
  const texts = new Set(those.map(check.found));
  const found =
    level === 'ok' || nodes.length === 1 ? [...texts] : those.map((node) => `${check.found(node)} at ${node.address}`);
  return {
    name: check.name,
    level,
    found: found.join(', '),
    needed: check.needed,
    fix: level === 'ok' ? '' : check.fix,
  };
}

const memoryShare = ({ memoryBytes, memoryBytesMax }: NodeFacts): number =>
  memoryBytesMax === 0 ? 0 : memoryBytes / memoryBytesMax;

function isVersionAtLeast(version: string, major: number, minor: number): boolean {
  const [foundMajor = 0, foundMinor = 0] = version.split('.').map(Number);
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}
