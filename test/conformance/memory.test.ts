import { createMemoryStore } from '../../storage/memory/store.ts';
import { describeStore } from './index.ts';

describeStore({
  name: 'memory',
  makePlace: async () => ({ open: async () => createMemoryStore(), dispose: async () => undefined }),
});
