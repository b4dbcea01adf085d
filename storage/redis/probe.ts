// A call that does what every claim does and changes nothing: the real script, with an expectation that cannot hold, and
// the small write of tier replica. A node that answers PING but cannot run it is no help.

import type { Shard } from './keys.ts';
import { scripts, type ScriptCall } from './scripts.ts';

const NO_TOKEN = '0'.repeat(32);

/** Nobody can have a record of this name: its id is no hash. */
export const probeCall = (shard: Shard): ScriptCall => ({
  script: scripts.claim,
  keys: [shard.indexKey, shard.countsKey, shard.keyOf('probed: no record')],
  args: ['', '1', 'no record', 'no namespace', '0', NO_TOKEN, '', 0, 0, 0, 0],
});
