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

export interface ReadinessOptions {
  /** Of all processes that serve as one; ready when each of them is. */
  readonly troubles?: (() => Promise<readonly (string | null)[]>) | undefined;
  /** Told when the store begins to be in trouble, with its own words, which are not for the page; and when it is well again. */
  readonly onStore?: (why: string | undefined) => void;
}

export function createReadiness(store: Store, { troubles, onStore }: ReadinessOptions = {}): Readiness {
  let isEnding = false;
  let wasWell = true;
  let asked: { readonly atMs: number; readonly trouble: Promise<string | undefined> } | undefined;

  const told = (trouble: Trouble | undefined): string | undefined => {
    const isWell = trouble === undefined;
    if (isWell !== wasWell) onStore?.(trouble?.why);
    wasWell = isWell;
    return trouble?.shown;
  };

  // Balancers may be many and impatient: they share one ping a second.
  const storeTrouble = (): Promise<string | undefined> => {
    if (asked === undefined || performance.now() - asked.atMs >= limits.readinessCacheMs) {
      asked = { atMs: performance.now(), trouble: troubleOf(store).then(told) };
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

interface Trouble {
  readonly shown: string;
  readonly why: string;
}

async function troubleOf(store: Store): Promise<Trouble | undefined> {
  const boundMs = limits.readinessPingMsMax;
  const timeout = AbortSignal.timeout(boundMs);
  try {
    await Promise.race([store.ping({ signal: timeout }), overdue(timeout)]);
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (timeout.aborted) return { shown: `the store did not answer within ${boundMs} ms`, why };
    return { shown: error instanceof StoreError ? `the store is ${error.kind}` : 'the store failed', why };
  }
}

/** Not every driver gives up when told to. */
async function overdue(timeout: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    timeout.addEventListener('abort', () => reject(new Error('overdue')), { once: true });
  });
}
