// The whole suite through the wrapper that seals payloads: nobody who uses a store can tell whether it is there.

import { createDataKeys } from '../../server/sealing/data-keys.ts';
import { sealedStore } from '../../server/sealing/sealed-store.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { makeFolder } from '../support/onced.ts';
import { silent, wrappingKeysIn } from '../sealing/scene.ts';
import { describeStore } from './index.ts';

describeStore({
  name: 'sealed sqlite',
  survivesClose: true,
  makePlace: async () => {
    const folder = await makeFolder();
    const wrapping = await wrappingKeysIn(folder.path);
    return {
      async open() {
        const inner = await openSqliteStore({ path: `${folder.path}/onced.db` });
        const keys = createDataKeys({ registry: inner.registry, wrapping, log: silent });
        return sealedStore({ inner, keys, log: silent });
      },
      async dispose() {
        wrapping.stop();
        await folder[Symbol.asyncDispose]();
      },
    };
  },
});
