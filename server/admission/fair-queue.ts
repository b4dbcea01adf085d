// A queue that is fair between namespaces: one of each in turn, oldest first within one. This is deficit round robin
// (Shreedhar & Varghese, "Efficient Fair Queuing Using Deficit Round Robin", 1995) for items that all cost one.

export interface FairQueue<Item> {
  readonly size: number;
  /** Namespaces that have something here. */
  readonly namespaces: number;
  lengthOf(namespace: string): number;
  push(namespace: string, item: Item): void;
  /** The oldest of the namespace whose turn it is. */
  shift(): Item | undefined;
  /** The oldest of each namespace. */
  heads(): readonly Item[];
  /** Takes out all that are over. */
  remove(isOver: (item: Item) => boolean): readonly Item[];
}

export function createFairQueue<Item>(): FairQueue<Item> {
  // In order of their turns: whoever was served goes to the end.
  const turns = new Map<string, Item[]>();
  let size = 0;

  return {
    get size() {
      return size;
    },
    get namespaces() {
      return turns.size;
    },
    lengthOf: (namespace) => turns.get(namespace)?.length ?? 0,
    push(namespace, item) {
      size += 1;
      const items = turns.get(namespace);
      if (items === undefined) turns.set(namespace, [item]);
      else items.push(item);
    },
    shift() {
      for (const [namespace, items] of turns) {
        turns.delete(namespace);
        const item = items.shift();
        if (items.length > 0) turns.set(namespace, items);
        size -= 1;
        return item;
      }
      return undefined;
    },
    heads: () => [...turns.values()].flatMap((items) => items.slice(0, 1)),
    remove(isOver) {
      const removed: Item[] = [];
      for (const [namespace, items] of turns) {
        const kept: Item[] = [];
        for (const item of items) (isOver(item) ? removed : kept).push(item);
        if (kept.length === 0) turns.delete(namespace);
        else if (kept.length < items.length) turns.set(namespace, kept);
      }
      size -= removed.length;
      return removed;
    },
  };
}
