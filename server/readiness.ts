// Whether this server should be sent work: it is not ending, and its store answers. The answer names the reason, never
// what a driver said.

import { StoreError, type Store } from '../storage/contract/index.ts';
import { json, type Reply } from './http.ts';
import { limits } from './limits.ts';

export interface Readiness {
  /** For `/readyz`. */
  page(): Promise<Reply>;
  /** From now on not ready, whatever the store says. */
  stop(): void;
}

export function createReadiness(store: Store): Readiness {
  let isEnding = false;
  let asked: { readonly atMs: number; readonly trouble: Promise<string | undefined> } | undefined;

  // Balancers may be many and impatient: they share one ping a second.
  const trouble = (): Promise<string | undefined> => {
    if (asked === undefined || performance.now() - asked.atMs >= limits.readinessCacheMs) {
      asked = { atMs: performance.now(), trouble: troubleOf(store) };
    }
    return asked.trouble;
  };

  return {
    async page() {
      const { kind, tier } = store.description;
      const reason = isEnding ? 'the server is ending' : await trouble();
      return json(reason === undefined ? 200 : 503, { ready: reason === undefined, reason, store: kind, tier });
    },
    stop() {
      isEnding = true;
    },
  };
}

async function troubleOf(store: Store): Promise<string | undefined> {
  const boundMs = limits.readinessPingMsMax;
  const timeout = AbortSignal.timeout(boundMs);
  try {
    await Promise.race([store.ping({ signal: timeout }), overdue(timeout)]);
    return undefined;
  } catch (error) {
    if (timeout.aborted) return `the store did not answer within ${boundMs} ms`;
    return error instanceof StoreError ? `the store is ${error.kind}` : 'the store failed';
  }
}

/** Not every driver gives up when told to. */
async function overdue(timeout: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    timeout.addEventListener('abort', () => reject(new Error('overdue')), { once: true });
  });
}
