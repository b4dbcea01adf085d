// Load with a ledger: callers in pairs who want the same keys, each through a store of its own, and what they were told.

import { randomUUID } from 'node:crypto';
import type { Key, Store, StoredRecord } from '../../storage/contract/index.ts';
import { beginOf, beginOn, NAMESPACE, patiently, settleOf, settleOn } from './scene.ts';

export interface Ledger {
  /** By key: the tokens of all who were told that they hold it. More than one is a double grant: no lease ends meanwhile. */
  readonly granted: Map<string, Set<string>>;
  /** By key: the result whose Complete was answered. */
  readonly completed: Map<string, string>;
  /** Calls that were not answered, by what the store said of it. */
  readonly trouble: Map<string, number>;
}

export const newLedger = (): Ledger => ({ granted: new Map(), completed: new Map(), trouble: new Map() });

const ANSWER_MS_MAX = 30_000;

export interface Load {
  readonly ledger: Ledger;
  /** Ends it; resolves once all callers have their last answer. */
  stop(): Promise<void>;
}

/** So many pairs at once, until it is stopped. */
export function startLoad(stores: readonly [Store, Store], pairs = 8): Load {
  const ledger = newLedger();
  const end = new AbortController();
  const lanes = Array.from({ length: pairs }, async () => {
    while (!end.signal.aborted) {
      const key = randomUUID();
      await Promise.all(stores.map((store) => beginAndComplete(store, ledger, { key, patienceMs: ANSWER_MS_MAX })));
    }
  });
  return {
    ledger,
    async stop() {
      end.abort();
      await Promise.all(lanes);
    },
  };
}

export async function beginAndComplete(
  store: Store,
  ledger: Ledger,
  { key, patienceMs }: { readonly key: string; readonly patienceMs: number },
): Promise<void> {
  const patience = { untilMs: performance.now() + patienceMs, trouble: ledger.trouble };
  const call = beginOf(key);
  const begun = await patiently(() => beginOn(store, call), patience);
  if (begun?.kind !== 'acquired') return;
  const { leaseToken } = begun.record;
  ledger.granted.set(key, (ledger.granted.get(key) ?? new Set()).add(leaseToken));
  const result = `result of ${key} by ${call.attemptId}`;
  const settled = await patiently(() => settleOn(store, settleOf(key, leaseToken, result)), patience);
  if (settled?.kind === 'done' || settled?.kind === 'already-applied') ledger.completed.set(key, result);
}

/** A sentence for each key that does not stand as somebody was told. */
export async function faultsOf(store: Store, { granted, completed }: Ledger): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [key, tokens] of granted) {
    if (tokens.size > 1) faults.push(`${key}: granted ${tokens.size} times`);
    const record = await readPatiently(store, key as Key);
    const result = completed.get(key);
    if (record === undefined) faults.push(`${key}: granted and lost`);
    else if (!tokens.has(record.leaseToken)) faults.push(`${key}: held by a token that nobody was given`);
    else if (result !== undefined && Buffer.from(record.result ?? []).toString() !== result) {
      faults.push(`${key}: completed and ${record.state}`);
    }
  }
  return faults;
}

async function readPatiently(store: Store, key: Key): Promise<StoredRecord | undefined> {
  const patience = { untilMs: performance.now() + ANSWER_MS_MAX, trouble: new Map<string, number>() };
  const found = await patiently(() => store.read({ namespace: NAMESPACE, key, includeResult: true }), patience);
  if (found === undefined) throw new Error(`${key} could not be read`);
  return found.record;
}
