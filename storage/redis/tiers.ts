// What an acknowledgement means: three tiers, what each needs of the nodes, and which one is the strictest that holds.

import type { Facts } from './facts.ts';

export const TIERS = ['cache', 'disk', 'replica'] as const;
/** From the weakest to the strictest. */
export type Tier = (typeof TIERS)[number];

/** The strictest tier that the nodes can hold now. */
export function strictestTier({ nodes }: Facts): Tier {
  if (nodes.every(({ replicas }) => replicas > 0)) return 'replica';
  return nodes.every(({ logFlush }) => logFlush === 'always') ? 'disk' : 'cache';
}

/** How many replicas must confirm a write: the wish, or all that every primary has, so that any of them may be promoted. */
export function replicasToConfirm({ nodes }: Facts, tier: Tier, wanted: number | undefined): number {
  if (tier !== 'replica') return 0;
  return Math.max(1, wanted ?? Math.min(...nodes.map(({ replicas }) => replicas)));
}

export function acknowledgedBy(tier: Tier, replicas: number): string {
  switch (tier) {
    case 'cache':
      return 'one Redis has it in memory, and on disk within about a second: survives a crash of the process; a power cut or a failover may lose the last moments';
    case 'disk':
      return 'one Redis has flushed it to its disk: survives a crash and a power cut; not the loss of the machine, nor the promotion of a replica that lagged';
    case 'replica':
      return `the primary and ${replicas} of its replicas have it: survives the loss or isolation of the primary; not the loss of all of them at once`;
  }
}
