// One case's stage: a namespace of its own, a clock of its own, and the store's verbs with the dull arguments filled in.

import { randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import {
  durationMs,
  epochMs,
  type ClaimRequest,
  type ClaimResult,
  type EpochMs,
  type ExtendRequest,
  type Guard,
  type Key,
  type LeaseToken,
  type ListFilter,
  type ListPage,
  type Namespace,
  type ReadRequest,
  type Settlement,
  type SettleRequest,
  type Store,
  type StoredRecord,
  type Written,
} from '../../storage/contract/index.ts';
import { DAY_MS, HISTORY_END_MS, HISTORY_START_MS } from '../support/instants.ts';
import type { StoreSubject } from './subject.ts';

// All different, so that a deadline made from the wrong one shows.
export const LEASE_MS = durationMs(30_000);
export const ORPHAN_TTL_MS = durationMs(7_200_000);
export const TTL_MS = durationMs(3_600_000);
export const RESULT_TTL_MS = durationMs(600_000);
export const GRACE_MS = durationMs(60_000);
export const HOLD_MS_MAX = durationMs(DAY_MS);

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const keyOf = (text: string): Key => text as Key;
export const newNamespace = (): Namespace => `case-${randomUUID()}` as Namespace;
export const newToken = (): LeaseToken => randomBytes(16).toString('hex') as LeaseToken;
export const byToken = (record: { readonly leaseToken: LeaseToken }): Guard => ({
  kind: 'token',
  leaseToken: record.leaseToken,
});
export const byRevision = (record: { readonly revision: number }): Guard => ({
  kind: 'revision',
  revision: record.revision,
});

export const completed = (result: Uint8Array = bytes('paid')): Extract<Settlement, { kind: 'completed' }> => ({
  kind: 'completed',
  result,
  contentType: 'application/json',
  contentEncoding: 'identity',
  labels: { receipt: 'r-1' },
  resultTtlMs: RESULT_TTL_MS,
});

export const declined = { code: 'DECLINED', message: 'card declined', detail: bytes('{}'), contentType: 'text/plain' };
export const failed: Settlement = { kind: 'failed', error: declined };
export const released: Settlement = { kind: 'released', error: declined, retryAfterMs: durationMs(5_000) };
export const unknown: Settlement = { kind: 'unknown', error: undefined };

export type Scene = ReturnType<typeof createScene>;

export function createScene(store: Store, subject: StoreSubject) {
  const namespace = newNamespace();
  const id = { namespace, key: keyOf('order-1') };
  let nowMs = HISTORY_START_MS;

  const at = (): { readonly nowMs: EpochMs } => ({ nowMs });

  const claimRequest = (over: Partial<ClaimRequest> = {}): ClaimRequest => ({
    ...id,
    expected: 'absent',
    fingerprints: [{ scheme: 'jcs-sha256-v1', digest: bytes('digest') }],
    labels: { team: 'payments' },
    attemptId: randomUUID(),
    owner: 'worker-1',
    leaseToken: newToken(),
    leaseMs: LEASE_MS,
    orphanTtlMs: ORPHAN_TTL_MS,
    retention: { ttlMs: TTL_MS, graceMs: GRACE_MS },
    ...over,
  });
  const claim = (over?: Partial<ClaimRequest>): Promise<ClaimResult> => store.claim(claimRequest(over), at());
  const acquire = async (over?: Partial<ClaimRequest>): Promise<StoredRecord> => applied(await claim(over));
  const extend = (guard: Guard, over: Partial<ExtendRequest> = {}): Promise<Written> =>
    store.extend(
      {
        ...id,
        guard,
        leaseMs: LEASE_MS,
        holdMsMax: HOLD_MS_MAX,
        orphanTtlMs: ORPHAN_TTL_MS,
        graceMs: GRACE_MS,
        checkpoint: undefined,
        ...over,
      },
      at(),
    );
  const settle = (guard: Guard, settlement: Settlement, over: Partial<SettleRequest> = {}): Promise<Written> =>
    store.settle(
      {
        ...id,
        guard,
        settlement,
        settleDigest: `digest of ${settlement.kind}`,
        ttlMs: TTL_MS,
        graceMs: GRACE_MS,
        ...over,
      },
      at(),
    );
  const page = (filter: ListFilter, limit: number, after?: string): Promise<ListPage> =>
    store.list({ ...filter, limit, ...(after !== undefined && { after }) }, at());
  /** Pages until there is no further one. A page may be short or empty and still have a next. */
  const pages = async (filter: ListFilter, limit: number): Promise<readonly ListPage[]> => {
    const all = [await page(filter, limit)];
    for (let after = all[0]?.next; after !== undefined; after = all.at(-1)?.next) {
      all.push(await page(filter, limit, after));
      if (all.length > 1_000) throw new Error('paging does not end');
    }
    return all;
  };
  const find = async (over: Partial<ReadRequest> = {}): Promise<StoredRecord | undefined> =>
    (await store.read({ ...id, includeResult: true, ...over }, at())).record;

  return {
    store,
    subject,
    ...id,
    id,
    now: () => nowMs,
    at,
    advance: (ms: number): void => {
      nowMs = epochMs(nowMs + ms);
    },
    setNow: (instant: number): void => {
      nowMs = epochMs(instant);
    },
    claimRequest,
    claim,
    /** A claim that must be applied. */
    acquire,
    extend,
    settle,
    /** A settle that must be applied. */
    finish: async (guard: Guard, settlement: Settlement, over?: Partial<SettleRequest>): Promise<StoredRecord> =>
      applied(await settle(guard, settlement, over)),
    find,
    /** The record, which must be there, with its result. */
    record: async (over?: Partial<ReadRequest>): Promise<StoredRecord> => {
      const record = await find(over);
      if (record === undefined) throw new Error('expected a record, found none');
      return record;
    },
    page,
    pages,
    /** What is listed of this case's namespace, sorted by key. */
    list: async (filter: ListFilter = {}): Promise<readonly StoredRecord[]> =>
      (await pages({ namespace, ...filter }, 100))
        .flatMap((one) => one.records)
        .toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    remove: (revision: number, force = false): Promise<boolean> => store.remove({ ...id, revision, force }, at()),
  };
}

/** Empties a shared store, for a case that must know all that is in it. */
export async function drain(store: Store): Promise<void> {
  for (let round = 0; round < 1_000; round += 1) {
    const { more } = await store.compact({ limit: 1_000 }, { nowMs: HISTORY_END_MS });
    if (!more) return;
  }
  throw new Error('1,000 rounds of compaction did not empty the store');
}

export function applied(written: Written): StoredRecord {
  expect(written.applied, 'the write was applied').toBe(true);
  if (written.record === undefined) throw new Error('an applied write must show the record');
  return written.record;
}

/** Equality of everything that is stored, byte for byte, whatever class the driver wraps bytes in. */
export function expectSame(actual: unknown, expected: unknown): void {
  expect(plain(actual)).toEqual(plain(expected));
}

export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes:${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

/** Each case is a sentence about the store and the proof of it. Plain data, so that mutants can be held against it too. */
export type Cases = Readonly<Record<string, (scene: Scene) => Promise<void>>>;
