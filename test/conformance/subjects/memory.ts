// The memory store, as the suite and the model tests open it.

import { createMemoryStore } from '../../../storage/memory/store.ts';
import type { StoreSubject } from '../subject.ts';

export const memorySubject: StoreSubject = {
  name: 'memory',
  makePlace: async () => ({ open: async () => createMemoryStore(), dispose: async () => undefined }),
};
