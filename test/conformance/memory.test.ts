import { createMemoryStore } from '../../storage/memory/store.ts';
import { describeStore } from './index.ts';

describeStore({
  name: 'memory',
  async open() {
    const store = createMemoryStore();
    return { store, dispose: () => store.close() };
  },
});
