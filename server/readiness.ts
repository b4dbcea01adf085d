// Whether this server should be sent work: it is not ending, and its store answers. The answer names the reason, never
// what a driver said.

import { StoreError, type Store } from '../storage/contract/index.ts';
import { json, type Reply } from './http.ts';
import { limits } from './limits.ts';

export interface Readiness {
  /** Why this process should not be sent work. */
  trouble(): Promise<string | undefined>;
  /** For `/readyz`. */
  page(): Promise<Reply>;
  /** From now on not ready, whatever the store says. */
  stop(): void;
}

/** `troubles`: of all processes that serve as one; ready when each of them is. */
export function createReadiness(store: Store, troubles?: () => Promise<readonly (string | null)[]>): Readiness {
  let isEnding = false;
  let asked: { readonly atMs: number; readonly trouble: Promise<string | undefined> } | undefined;

  // Balancers may be many and impatient: they share one ping a second.
  const storeTrouble = (): Promise<string | undefined> => {
    if (asked === undefined || performance.now() - asked.atMs >= limits.readinessCacheMs) {
      asked = { atMs: performance.now(), trouble: troubleOf(store) };
    }
    return asked.trouble;
  };

  const trouble = async (): Promise<string | undefined> => (isEnding ? 'the server is ending' : storeTrouble());
  const anyTrouble = async (): Promise<string | undefined> =>
    troubles === undefined || isEnding ? trouble() : firstOf(troubles);

  return {
    trouble,
    async page() {
      const { kind, tier } = store.description;
      const reason = await anyTrouble();
      return json(reason === undefined ? 200 : 503, { ready: reason === undefined, reason, store: kind, tier });
    },
    stop() {
      isEnding = true;
    },
  };
}

async function firstOf(troubles: () => Promise<readonly (string | null)[]>): Promise<string | undefined> {
  try {
    return (await troubles()).find((trouble) => trouble !== null) ?? undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
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
