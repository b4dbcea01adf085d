// Random steps for the differential test: any verb on any of a few keys, with guards that fit and guards that do not, mostly
// what leads a record through its life.

import {
  durationMs,
  type DurationMs,
  type EpochMs,
  type Guard,
  type Key,
  type LeaseToken,
  type ListFilter,
  type Namespace,
  type Settlement,
  type Store,
  type StoredRecord,
  type StoredState,
  type VerbOptions,
} from '../../storage/contract/index.ts';
import type { Random } from './random.ts';

export interface Id {
  readonly namespace: Namespace;
  readonly key: Key;
}

/** One verb with all its arguments, to be carried out on whichever store. */
export interface Step {
  readonly what: string;
  readonly run: (store: Store, options: VerbOptions) => Promise<unknown>;
}

/** What is done often in one script and never in another: each has its own, so that rare sequences come about somewhere. */
export interface Habits {
  readonly endings: readonly Settlement['kind'][];
  readonly checkpointChance: number;
}

export function chooseHabits(random: Random): Habits {
  const endings = ENDINGS.filter(() => random.chance(0.5));
  return { endings: endings.length === 0 ? ENDINGS : endings, checkpointChance: random.pick([0, 0.2, 0.6]) };
}

const ENDINGS = ['completed', 'failed', 'released', 'unknown'] as const;

export interface Scope {
  readonly random: Random;
  readonly habits: Habits;
  readonly ids: readonly Id[];
  readonly nowMs: EpochMs;
  /** What the first store keeps, of each id in turn. */
  readonly kept: readonly (StoredRecord | undefined)[];
}

/** A step on one key, of which that record is kept now. Steps on different keys may be carried out at once. */
export function stepOnKey(scope: Scope, id: Id, standing: StoredRecord | undefined): Step {
  const isThere = standing !== undefined && scope.nowMs < standing.expireMs;
  return scope.random.pick(STEPS[isThere ? standing.state : 'absent'])(scope, id, standing);
}

/** A step that sees or touches more than one key, to be carried out by itself. */
export function stepOnAll(scope: Scope): Step {
  return scope.random.pick([listStep, listStep, compactStep, statsStep, registryStep])(scope);
}

/** Of the keys in differential.ts, and never half a surrogate pair, which no key of UTF-8 can start with. */
const PREFIXES = ['order', 'O', 'é', 'e', 'e\u0301', '😀', ''];

type KeyStep = (scope: Scope, id: Id, standing: StoredRecord | undefined) => Step;

const claimStep: KeyStep = ({ random, nowMs }, id, standing) => {
  const revision = standing === undefined ? nowMs : standing.revision - (random.chance(0.2) ? 1 : 0);
  const request = {
    ...id,
    expected: random.chance(standing === undefined || nowMs >= standing.expireMs ? 0.8 : 0.2)
      ? ('absent' as const)
      : revision,
    fingerprints: random.chance(0.5) ? [] : [{ scheme: 'v1', digest: someBytes(random, 32) }],
    labels: random.chance(0.5) ? {} : { team: random.hex(4) },
    attemptId: random.hex(8),
    owner: random.pick(['worker-1', 'worker-2', '']),
    leaseToken: random.hex(32) as LeaseToken,
    leaseMs: someMs(random),
    orphanTtlMs: someMs(random),
    retention: { ttlMs: someMs(random), graceMs: someMs(random) },
  };
  return { what: `claim ${show(request)}`, run: (store, options) => store.claim(request, options) };
};

const extendStep: KeyStep = ({ random, habits }, id, standing) => {
  const request = {
    ...id,
    guard: someGuard(random, standing),
    leaseMs: random.chance(0.3) ? undefined : someMs(random),
    holdMsMax: someMs(random),
    orphanTtlMs: random.chance(0.3) ? undefined : someMs(random),
    graceMs: someMs(random),
    checkpoint: random.chance(habits.checkpointChance) ? someBytes(random, 40) : undefined,
  };
  return { what: `extend ${show(request)}`, run: (store, options) => store.extend(request, options) };
};

const settleStep: KeyStep = ({ random, habits }, id, standing) => {
  const request = {
    ...id,
    guard: someGuard(random, standing),
    settlement: someSettlement(random, habits),
    settleDigest: random.hex(8),
    ttlMs: random.chance(0.3) ? undefined : someMs(random),
    graceMs: someMs(random),
  };
  return { what: `settle ${show(request)}`, run: (store, options) => store.settle(request, options) };
};

const readStep: KeyStep = ({ random }, id) => {
  const request = { ...id, includeResult: random.chance(0.5) };
  return { what: `read ${show(request)}`, run: (store, options) => store.read(request, options) };
};

const removeStep: KeyStep = ({ random }, id, standing) => {
  const revision = (standing?.revision ?? 0) - (random.chance(0.3) ? 1 : 0);
  const request = { ...id, revision, force: random.chance(0.2) };
  return { what: `remove ${show(request)}`, run: (store, options) => store.remove(request, options) };
};

const often = (step: KeyStep, times: number): readonly KeyStep[] => Array.from({ length: times }, () => step);

/** What a record is mostly asked for in its state; a verb that cannot be applied there is as good a question. */
const STEPS: Readonly<Record<StoredState | 'absent', readonly KeyStep[]>> = {
  absent: [...often(claimStep, 6), extendStep, settleStep, readStep, removeStep],
  IN_PROGRESS: [...often(claimStep, 2), ...often(extendStep, 4), ...often(settleStep, 4), readStep, removeStep],
  UNKNOWN: [claimStep, ...often(extendStep, 6), settleStep, readStep, removeStep],
  RELEASED: [...often(claimStep, 4), extendStep, settleStep, readStep, removeStep],
  COMPLETED: [...often(claimStep, 4), extendStep, settleStep, readStep, removeStep],
  FAILED: [...often(claimStep, 4), extendStep, settleStep, readStep, removeStep],
};

function listStep(scope: Scope): Step {
  const { random } = scope;
  const filter: ListFilter = {
    ...(random.chance(0.6) && { namespace: someNamespace(scope) }),
    ...(random.chance(0.3) && { states: ['IN_PROGRESS', 'COMPLETED', random.pick(['FAILED', 'UNKNOWN', 'RELEASED'])] }),
    ...(random.chance(0.2) && { orphanedOnly: true }),
    ...(random.chance(0.3) && { keyPrefix: random.pick(PREFIXES) }),
    ...(random.chance(0.2) && { owner: 'worker-1' }),
    ...(random.chance(0.2) && { ageMsMin: someMs(random) }),
    ...(random.chance(0.4) && { includeExpired: true }),
  };
  const limit = random.between(1, 10);
  return { what: `list ${show(filter)}`, run: (store, options) => listAll(store, filter, limit, options) };
}

export function compactStep({ random, nowMs, ids, kept }: Scope): Step {
  const due = kept.flatMap((record) => (record === undefined ? [] : [dueOf(record)])).filter((dueMs) => dueMs <= nowMs);
  // Which of two that are due at the same instant goes first is the store's own business.
  const isOrdered = new Set(due).size === due.length;
  const request = {
    limit: isOrdered && random.chance(0.6) ? random.pick([1, 1, 3]) : 1_000_000,
    ...(random.chance(0.2) && { exceptNamespaces: [random.pick(ids).namespace] }),
  };
  return { what: `compact ${show(request)}`, run: (store, options) => store.compact(request, options) };
}

/** Small ones as often as large ones. */
const someNamespace = ({ random, ids }: Scope): Namespace =>
  random.pick([...new Set(ids.map(({ namespace }) => namespace))]);

/** From when compaction has work with a record. */
export const dueOf = ({ purgeMs, resultExpireMs }: StoredRecord): number =>
  resultExpireMs === 0 ? purgeMs : Math.min(purgeMs, resultExpireMs);

function statsStep(): Step {
  return {
    what: 'stats',
    async run(store, options) {
      const { storeBytes: _size, groups, ...stats } = await store.stats(options);
      return { ...stats, groups: groups.map((group) => JSON.stringify(group, GROUP_FIELDS)).toSorted() };
    },
  };
}

const GROUP_FIELDS = ['namespace', 'state', 'records', 'bytes'];

function registryStep({ random, ids }: Scope): Step {
  const collection = random.pick(ids).namespace;
  const entry = { collection, name: random.pick(['a', 'b', '\uff5e', '😀']) };
  const expected = random.chance(0.5) ? {} : { expectedRevision: random.between(0, 3) };
  const put = { ...entry, ...expected, value: `"${random.hex(4)}"` };
  return random.pick<Step>([
    { what: `put ${show(put)}`, run: ({ registry }) => registry.put(put) },
    { what: `get ${show(entry)}`, run: ({ registry }) => registry.get(entry) },
    { what: `drop ${show(entry)}`, run: ({ registry }) => registry.remove({ ...entry, ...expected }) },
    { what: `entries of ${collection}`, run: ({ registry }) => registry.list({ collection, limit: 3 }) },
  ]);
}

/** Every page, sorted: the order is a store's own. Without the tokens, which a listing need not show. */
async function listAll(store: Store, filter: ListFilter, limit: number, options: VerbOptions): Promise<unknown> {
  const records: StoredRecord[] = [];
  let after: string | undefined;
  do {
    const page = await store.list({ ...filter, limit, ...(after !== undefined && { after }) }, options);
    records.push(...page.records);
    after = page.next;
  } while (after !== undefined);
  const nameOf = ({ namespace, key }: StoredRecord): string => `${namespace} ${key}`;
  return records
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .map(({ leaseToken: _token, ...record }) => record);
}

function someGuard(random: Random, standing: StoredRecord | undefined): Guard {
  const isRight = random.chance(0.8);
  if (random.chance(0.5)) {
    const leaseToken = isRight ? standing?.leaseToken : undefined;
    return { kind: 'token', leaseToken: leaseToken ?? ('0'.repeat(32) as LeaseToken) };
  }
  return { kind: 'revision', revision: (standing?.revision ?? 1) - (isRight ? 0 : 1) };
}

function someSettlement(random: Random, { endings }: Habits): Settlement {
  const error = { code: random.hex(4), message: 'no', detail: someBytes(random, 20), contentType: 'text/plain' };
  const maybe = random.chance(0.5) ? error : undefined;
  const kind = random.pick(endings);
  switch (kind) {
    case 'completed':
      return {
        kind,
        result: someBytes(random, 300),
        contentType: random.pick(['', 'application/json']),
        contentEncoding: random.pick(['', 'gzip']),
        labels: random.chance(0.5) ? {} : { receipt: random.hex(4) },
        resultTtlMs: someMs(random),
      };
    case 'failed':
      return { kind, error };
    case 'released':
      return { kind, error: maybe, retryAfterMs: random.chance(0.5) ? durationMs(0) : someMs(random) };
    case 'unknown':
      return { kind, error: maybe };
  }
}

/** Few different lengths, so that deadlines of different kinds meet in one millisecond now and then. */
const someMs = (random: Random): DurationMs => durationMs(random.pick([1, 2, 100, 1_000, 5_000, 60_000]));

const someBytes = (random: Random, lengthMax: number): Uint8Array =>
  random.chance(0.9)
    ? Uint8Array.from({ length: random.between(0, lengthMax) }, () => random.between(0, 255))
    : new Uint8Array(random.pick(LARGE)).fill(random.between(0, 255));

/** About what a page of SQLite holds, and what the scripts of Redis read of a record, or return, in one go. */
const LARGE = [1_024, 1_025, 4_000, 4_096, 20_000];

const show = (request: object): string =>
  JSON.stringify(request, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value.subarray(0, 300)).toString('hex') : value,
  );
