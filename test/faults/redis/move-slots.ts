// Moves a slot from one primary to another while it is in use, key by key, as `redis-cli --cluster reshard` does.

import type { ClusterNode } from '../../support/redis-cluster.ts';

const KEYS_AT_ONCE = 20;
const MIGRATE_MS_MAX = 5_000;

export interface SlotMove {
  readonly slot: number;
  readonly from: ClusterNode;
  readonly to: ClusterNode;
  readonly primaries: readonly ClusterNode[];
}

/** Returns how many keys moved. */
export async function moveSlot(move: SlotMove): Promise<number> {
  const moved = await moveKeys(move);
  await handOver(move);
  return moved;
}

/** All keys of the slot, which stays half-way: the old owner sends those who want them to the new one (ASK). */
export async function moveKeys({ slot, from, to }: SlotMove): Promise<number> {
  await to.command('cluster', 'setslot', slot, 'importing', from.id);
  await from.command('cluster', 'setslot', slot, 'migrating', to.id);
  let moved = 0;
  for (;;) {
    const keys = (await from.command('cluster', 'getkeysinslot', slot, KEYS_AT_ONCE)) as readonly string[];
    if (keys.length === 0) return moved;
    await from.command('migrate', to.host, to.port, '', 0, MIGRATE_MS_MAX, 'keys', ...keys);
    moved += keys.length;
  }
}

/** Ends a move. The new owner first: then nobody is told that the slot has none. */
export async function handOver({ slot, from, to, primaries }: SlotMove): Promise<void> {
  for (const node of [to, from, ...primaries.filter((other) => other !== to && other !== from)]) {
    await node.command('cluster', 'setslot', slot, 'node', to.id);
  }
}
