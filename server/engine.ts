// Puts together what operations use: a measured store, the policies, the waiters, the figures.

import type { Store } from '../storage/contract/index.ts';
import type { Engine } from './context.ts';
import { limits } from './limits.ts';
import { measuredStore } from './measured-store.ts';
import type { Metrics } from './metrics.ts';
import { DEFAULT_POLICY, type PolicyLookup } from './policy.ts';
import { createWaiters } from './waiters.ts';

export interface EngineOptions {
  readonly store: Store;
  readonly metrics: Metrics;
  readonly policyOf?: PolicyLookup;
}

/** Several servers may share these stores, so that an outcome may come from elsewhere. */
const SHARED_KINDS: readonly Store['description']['kind'][] = ['postgres', 'redis', 'redis-cluster'];

/** The engine, and the way to let go of what it listens to. The store stays open: whoever opened it closes it. */
export function createEngine({ store, metrics, policyOf }: EngineOptions): { engine: Engine; stop: () => void } {
  const isShared = SHARED_KINDS.includes(store.description.kind);
  const waiters = createWaiters({
    pollMs: isShared ? limits.waiterPollMs : undefined,
    onCount: (change) => metrics.waiters(change),
  });
  const stopListening = store.onRemoteChange((change) => {
    // Another server's outcome: nobody here has its bytes yet, so those who wait look for themselves.
    if (change.settled) waiters.wakeAll(change, { kind: 'look' });
    else waiters.wakeOne(change);
  });
  const engine: Engine = {
    store: measuredStore(store, metrics),
    policyOf: policyOf ?? (() => DEFAULT_POLICY),
    waiters,
    metrics,
  };
  return {
    engine,
    stop: () => {
      stopListening();
      waiters.wakeEverybody({ kind: 'timeout' });
    },
  };
}
