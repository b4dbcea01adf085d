// One primary for all slots: a single Redis, or the one that Sentinels name.

import { createRedis } from './connect.ts';
import { createLink } from './link.ts';
import type { RedisLocation } from './location.ts';
import { createPrimary } from './primary.ts';
import { finishing, type Router } from './router.ts';

/** Resolves once connected; rejects with NotSentError when that takes too long. */
export async function openSingle(location: RedisLocation, replicas: number): Promise<Router> {
  const primary = createPrimary({ connect: () => createLink(createRedis(location)), replicas });
  try {
    await primary.link.ready();
  } catch (error) {
    primary.close();
    throw error;
  }
  return finishing(
    {
      operate: (operation) => primary.operate(operation, false),
      run: (_slot, call) => primary.run(call, false),
      look: (_slot, call) => primary.link.run(call, false),
      async send(_slot, name, args) {
        await primary.link.ready();
        return primary.link.send(name, args);
      },
      primaries: () => new Map([[location.text, primary]]),
      primaryOf: () => primary,
    },
    () => primary.close(),
  );
}
