// Records in progress that were claimed a moment ago: their holders come back soon, and are not searched for then. A table
// of fixed size in which a newcomer takes the place of whoever stood there: nothing grows, and a Map that entries come to
// and go from would keep them alive (see lane.ts).

import type { RecordId, StoredRecord } from '../contract/index.ts';
import { HELD_RECORDS } from './limits.ts';

export interface Held {
  readonly record: StoredRecord;
}

export interface HeldRecords<Entry extends Held> {
  find(id: RecordId): Entry | undefined;
  /** Only while it is in progress: what is settled is seldom asked for again, and compaction forgets no other (upkeep.ts). */
  keep(entry: Entry): void;
  forget(id: RecordId): void;
  forgetAll(): void;
}

export function createHeldRecords<Entry extends Held>(): HeldRecords<Entry> {
  const slots = Array.from<Entry | undefined>({ length: HELD_RECORDS });

  return {
    find({ namespace, key }) {
      const entry = slots[slotOf(key)];
      return entry?.record.key === key && entry.record.namespace === namespace ? entry : undefined;
    },
    keep(entry) {
      const { key, state, checkpoint } = entry.record;
      // Checkpoints are large; whoever writes one writes seldom.
      const isKept = state === 'IN_PROGRESS' && checkpoint === undefined;
      slots[slotOf(key)] = isKept ? entry : undefined;
    },
    forget({ key }) {
      slots[slotOf(key)] = undefined;
    },
    forgetAll: () => void slots.fill(undefined),
  };
}

/** FNV-1a. Keys that share a slot cost a search, no more. */
function slotOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let place = 0; place < key.length; place += 1) hash = Math.imul(hash ^ key.charCodeAt(place), 0x01000193);
  return (hash >>> 0) % HELD_RECORDS;
}
