// Random steps for the differential test: any verb on any of a few keys, with guards that fit and guards that do not.

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
} from '../../storage/contract/index.ts';
import type { Random } from './random.ts';

export interface Id {
  readonly namespace: Namespace;
  readonly key: Key;
}

/** One verb with all its arguments, to be carried out on whichever store. */
export interface Step {
  readonly what: string;
  readonly run: (store: Store) => Promise<unknown>;
}

export interface Scope {
  readonly random: Random;
  readonly ids: readonly Id[];
  readonly nowMs: EpochMs;
  /** What the first store keeps under this id. */
  readonly standing: (id: Id) => StoredRecord | undefined;
}

/** A step on one key. Steps on different keys may be carried out at once. */
export function stepOnKey(scope: Scope, id: Id): Step {
  const { random } = scope;
  const steps = [claimStep, claimStep, extendStep, settleStep, settleStep, readStep, removeStep];
  return random.pick(steps)(scope, id, scope.standing(id));
}

/** A step that sees or touches more than one key, to be carried out by itself. */
export function stepOnAll(scope: Scope): Step {
  return scope.random.pick([listStep, listStep, compactStep, registryStep])(scope);
}

/** Of the keys in differential.ts, and never half a surrogate pair, which no key of UTF-8 can start with. */
const PREFIXES = ['order', 'O', 'é', 'e', 'e\u0301', '😀', ''];

type KeyStep = (scope: Scope, id: Id, standing: StoredRecord | undefined) => Step;

const claimStep: KeyStep = ({ random, nowMs }, id, standing) => {
  const revision = standing === undefined ? nowMs : standing.revision - (random.chance(0.2) ? 1 : 0);
  const request = {
    ...id,
    expected: random.chance(0.4) ? ('absent' as const) : revision,
    fingerprints: random.chance(0.5) ? [] : [{ scheme: 'v1', digest: someBytes(random, 32) }],
    labels: random.chance(0.5) ? {} : { team: random.hex(4) },
    attemptId: random.hex(8),
    owner: random.pick(['worker-1', 'worker-2', '']),
    leaseToken: random.hex(32) as LeaseToken,
    leaseMs: someMs(random),
    orphanTtlMs: someMs(random),
    retention: { ttlMs: someMs(random), graceMs: someMs(random) },
  };
  return { what: `claim ${show(request)}`, run: (store) => store.claim(request, { nowMs }) };
};

const extendStep: KeyStep = ({ random, nowMs }, id, standing) => {
  const request = {
    ...id,
    guard: someGuard(random, standing),
    leaseMs: random.chance(0.3) ? undefined : someMs(random),
    holdMsMax: someMs(random),
    orphanTtlMs: random.chance(0.3) ? undefined : someMs(random),
    graceMs: someMs(random),
    checkpoint: random.chance(0.5) ? undefined : someBytes(random, 40),
  };
  return { what: `extend ${show(request)}`, run: (store) => store.extend(request, { nowMs }) };
};

const settleStep: KeyStep = ({ random, nowMs }, id, standing) => {
  const request = {
    ...id,
    guard: someGuard(random, standing),
    settlement: someSettlement(random),
    settleDigest: random.hex(8),
    ttlMs: random.chance(0.3) ? undefined : someMs(random),
    graceMs: someMs(random),
  };
  return { what: `settle ${show(request)}`, run: (store) => store.settle(request, { nowMs }) };
};

const readStep: KeyStep = ({ random, nowMs }, id) => {
  const request = { ...id, includeResult: random.chance(0.5) };
  return { what: `read ${show(request)}`, run: (store) => store.read(request, { nowMs }) };
};

const removeStep: KeyStep = ({ random, nowMs }, id, standing) => {
  const revision = (standing?.revision ?? 0) - (random.chance(0.3) ? 1 : 0);
  const request = { ...id, revision, force: random.chance(0.2) };
  return { what: `remove ${show(request)}`, run: (store) => store.remove(request, { nowMs }) };
};

function listStep({ random, nowMs, ids }: Scope): Step {
  const filter: ListFilter = {
    ...(random.chance(0.6) && { namespace: random.pick(ids).namespace }),
    ...(random.chance(0.3) && { states: ['IN_PROGRESS', 'COMPLETED', random.pick(['FAILED', 'UNKNOWN', 'RELEASED'])] }),
    ...(random.chance(0.2) && { orphanedOnly: true }),
    ...(random.chance(0.3) && { keyPrefix: random.pick(PREFIXES) }),
    ...(random.chance(0.2) && { owner: 'worker-1' }),
    ...(random.chance(0.2) && { ageMsMin: someMs(random) }),
    ...(random.chance(0.4) && { includeExpired: true }),
  };
  const limit = random.between(1, 10);
  return { what: `list ${show(filter)}`, run: (store) => listAll(store, filter, limit, nowMs) };
}

function compactStep({ random, nowMs, ids }: Scope): Step {
  // Without a limit that bites: which of two that are due at the same instant goes first is the store's own business.
  const request = {
    limit: 1_000_000,
    ...(random.chance(0.3) && { exceptNamespaces: [random.pick(ids).namespace] }),
  };
  return { what: `compact ${show(request)}`, run: (store) => store.compact(request, { nowMs }) };
}

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
async function listAll(store: Store, filter: ListFilter, limit: number, nowMs: EpochMs): Promise<unknown> {
  const records: StoredRecord[] = [];
  let after: string | undefined;
  do {
    const page = await store.list({ ...filter, limit, ...(after !== undefined && { after }) }, { nowMs });
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

function someSettlement(random: Random): Settlement {
  const error = { code: random.hex(4), message: 'no', detail: someBytes(random, 20), contentType: 'text/plain' };
  const maybe = random.chance(0.5) ? error : undefined;
  const completed = {
    kind: 'completed' as const,
    result: someBytes(random, 300),
    contentType: random.pick(['', 'application/json']),
    contentEncoding: random.pick(['', 'gzip']),
    labels: random.chance(0.5) ? {} : { receipt: random.hex(4) },
    resultTtlMs: someMs(random),
  };
  return random.pick<Settlement>([
    completed,
    completed,
    { kind: 'failed', error },
    { kind: 'released', error: maybe, retryAfterMs: random.chance(0.5) ? durationMs(0) : someMs(random) },
    { kind: 'unknown', error: maybe },
  ]);
}

/** Few different lengths, so that deadlines of different kinds meet in one millisecond now and then. */
const someMs = (random: Random): DurationMs => durationMs(random.pick([1, 2, 100, 1_000, 5_000, 60_000]));

const someBytes = (random: Random, lengthMax: number): Uint8Array =>
  Uint8Array.from({ length: random.between(0, lengthMax) }, () => random.between(0, 255));

const show = (request: object): string =>
  JSON.stringify(request, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  );
