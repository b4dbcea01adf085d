// A real store that does so much and no more: a few verbs at a time, each for some milliseconds.

import type { Store } from '../../storage/contract/index.ts';

export interface Narrowness {
  readonly atATime: number;
  readonly verbMs: number;
}

export function narrowStore(inner: Store, { atATime, verbMs }: Narrowness): Store {
  const waiting: (() => void)[] = [];
  let busy = 0;
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    if (busy >= atATime) await new Promise<void>((resolve) => waiting.push(resolve));
    else busy += 1;
    await new Promise((resolve) => setTimeout(resolve, verbMs));
    try {
      return await call();
    } finally {
      const next = waiting.shift();
      if (next === undefined) busy -= 1;
      else next();
    }
  };
  return {
    ...inner,
    claim: async (...args) => through(async () => inner.claim(...args)),
    extend: async (...args) => through(async () => inner.extend(...args)),
    settle: async (...args) => through(async () => inner.settle(...args)),
    read: async (...args) => through(async () => inner.read(...args)),
  };
}
