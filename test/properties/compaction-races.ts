// Compaction among renewals, takeovers and completes, in random order with clocks around each deadline. After every round
// each key is compared with what its writes were answered: whatever is within its time must stand.

import { randomUUID } from 'node:crypto';
import {
  durationMs,
  epochMs,
  StoreError,
  type EpochMs,
  type Key,
  type LeaseToken,
  type Namespace,
  type Store,
  type StoredRecord,
} from '../../storage/contract/index.ts';
import { createRandom, type Random } from '../model/random.ts';
import { HISTORY_START_MS } from '../support/instants.ts';

export interface Races {
  readonly seed: number;
  readonly rounds: number;
  readonly keys: number;
  /**
   * The store takes calls in the order in which they are made. Then the clock may move between two of them and a key be
   * written twice in a round. Elsewhere neither could be judged from outside: a later call may have run first.
   */
  readonly isInOrder: boolean;
}

export interface RacesResult {
  /** Writes that ran beside a compaction. */
  readonly interleavings: number;
  readonly removed: number;
  readonly dropped: number;
  /** Calls of which the store did not say what became of them, on a machine that is too busy: their keys are let be. */
  readonly unanswered: number;
  /** What was lost too early, in words; empty when all holds. */
  readonly wrong: readonly string[];
}

interface Race {
  readonly store: Store;
  readonly random: Random;
  readonly namespace: Namespace;
  readonly known: Map<Key, StoredRecord>;
  readonly wrong: string[];
  unanswered: number;
}

const RESULT = new TextEncoder().encode('outcome');
/** How often the store's one clock moves between two calls of a round. */
const TICK_CHANCE = 0.02;
const COMPACT_CHANCE = 0.05;

export async function runRaces(store: Store, { seed, rounds, keys, isInOrder }: Races): Promise<RacesResult> {
  const random = createRandom(seed);
  const namespace = `races/${randomUUID()}` as Namespace;
  const race: Race = { store, random, namespace, known: new Map(), wrong: [], unanswered: 0 };
  let [nowMs, interleavings, removed, dropped] = [HISTORY_START_MS, 0, 0, 0];
  for (let round = 0; round < rounds; round += 1) {
    nowMs = epochMs(nowMs + random.between(0, 6));
    const at = (): EpochMs => (nowMs = epochMs(nowMs + (isInOrder && random.chance(TICK_CHANCE) ? 1 : 0)));
    const keyOf = (index: number): Key => `k-${isInOrder ? random.between(0, keys - 1) : index}` as Key;
    const pending: Promise<unknown>[] = [];
    for (let index = 0; index < keys; index += 1) {
      // Where every key is written in each round, some rest: else none would live to its purge.
      if (isInOrder || random.chance(0.5)) {
        interleavings += 1;
        pending.push(write(race, keyOf(index), at()));
      }
      if (!random.chance(COMPACT_CHANCE)) continue;
      const compacted = store.compact({ limit: random.between(1, keys) }, { nowMs: at() });
      const counted = compacted.then(({ recordsRemoved, resultsDropped }) => {
        removed += recordsRemoved;
        dropped += resultsDropped;
      });
      pending.push(answered(race, counted));
    }
    await Promise.all(pending);
    await compareAll(race, nowMs);
  }
  return { interleavings, removed, dropped, unanswered: race.unanswered, wrong: race.wrong };
}

async function write(race: Race, key: Key, nowMs: EpochMs): Promise<void> {
  const { random, known } = race;
  const standing = known.get(key);
  if (standing === undefined || nowMs >= standing.expireMs) return claim(race, key, 'absent', nowMs);
  if (standing.state === 'RELEASED') return claim(race, key, standing.revision, nowMs);
  if (standing.state !== 'IN_PROGRESS') return undefined;
  if (nowMs >= standing.leaseExpireMs && random.chance(0.5)) return claim(race, key, standing.revision, nowMs);
  return random.chance(0.4) ? renew(race, standing, nowMs) : settle(race, standing, nowMs);
}

async function claim(race: Race, key: Key, expected: 'absent' | number, nowMs: EpochMs): Promise<void> {
  const { random, namespace, store } = race;
  const written = store.claim(
    {
      namespace,
      key,
      expected,
      fingerprints: [],
      labels: {},
      attemptId: random.hex(8),
      owner: '',
      leaseToken: random.hex(32) as LeaseToken,
      leaseMs: durationMs(random.between(1, 12)),
      orphanTtlMs: durationMs(random.between(0, 12)),
      retention: { ttlMs: durationMs(random.between(1, 25)), graceMs: durationMs(random.between(0, 10)) },
    },
    { nowMs },
  );
  await learn(race, { key, nowMs, what: 'claim' }, written);
}

async function renew(race: Race, { key, namespace, leaseToken }: StoredRecord, nowMs: EpochMs): Promise<void> {
  const { random, store } = race;
  const written = store.extend(
    {
      namespace,
      key,
      guard: { kind: 'token', leaseToken },
      leaseMs: durationMs(random.between(1, 12)),
      holdMsMax: durationMs(1000),
      orphanTtlMs: durationMs(random.between(0, 12)),
      graceMs: durationMs(random.between(0, 10)),
      checkpoint: undefined,
    },
    { nowMs },
  );
  await learn(race, { key, nowMs, what: 'renew' }, written);
}

async function settle(race: Race, { key, namespace, leaseToken }: StoredRecord, nowMs: EpochMs): Promise<void> {
  const { random, store } = race;
  const resultTtlMs = durationMs(random.between(1, 25));
  const written = store.settle(
    {
      namespace,
      key,
      guard: { kind: 'token', leaseToken },
      settlement: random.chance(0.8)
        ? { kind: 'completed', result: RESULT, contentType: '', contentEncoding: '', labels: {}, resultTtlMs }
        : { kind: 'released', error: undefined, retryAfterMs: durationMs(0) },
      settleDigest: random.hex(8),
      ttlMs: durationMs(random.between(1, 25)),
      graceMs: durationMs(random.between(0, 10)),
    },
    { nowMs },
  );
  await learn(race, { key, nowMs, what: 'settle' }, written);
}

interface Asked {
  readonly key: Key;
  readonly nowMs: EpochMs;
  readonly what: string;
}

async function learn(
  race: Race,
  { key, nowMs, what }: Asked,
  written: Promise<{ readonly applied: boolean; readonly record: StoredRecord | undefined }>,
): Promise<void> {
  const { known, wrong } = race;
  const answer = await answered(race, written);
  if (answer === undefined) {
    known.delete(key);
    return;
  }
  const { applied, record } = answer;
  const before = known.get(key);
  if (applied && record !== undefined) known.set(key, record);
  else if (record === undefined && before !== undefined && nowMs < before.expireMs) {
    wrong.push(`${what} of ${key} at ${nowMs} found nothing, though it stands until ${before.expireMs}`);
  }
}

/** Undefined when the store did not answer in its time. */
async function answered<T>(race: Race, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    race.unanswered += 1;
    return undefined;
  }
}

async function compareAll(race: Race, nowMs: EpochMs): Promise<void> {
  const { store, namespace, known, wrong } = race;
  const all = [...known.values()].filter(({ purgeMs }) => nowMs < purgeMs);
  const looks = all.map(async (expected) => {
    const reading = store.read({ namespace, key: expected.key, includeResult: true }, { nowMs });
    const found = await answered(race, reading);
    const trouble = found === undefined ? undefined : troubleWith(expected, found.record, nowMs);
    if (trouble !== undefined) wrong.push(`${expected.key} at ${nowMs}: ${trouble}`);
  });
  await Promise.all(looks);
}

function troubleWith(expected: StoredRecord, found: StoredRecord | undefined, nowMs: EpochMs): string | undefined {
  if (found === undefined) return `removed, though it may go from ${expected.purgeMs} only`;
  if (found.leaseToken !== expected.leaseToken || found.state !== expected.state) return 'changed by compaction';
  const mustHaveBytes = expected.state === 'COMPLETED' && nowMs < expected.resultExpireMs;
  if (mustHaveBytes && found.result?.length !== RESULT.length) {
    return `without its bytes, though they stay until ${expected.resultExpireMs}`;
  }
  return undefined;
}
