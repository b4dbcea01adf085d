// A real store that ends under load, or falls silent, and is back some seconds later, seen by callers of a namespace that
// goes on without it and of one that rejects, beside each other on one server.

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { OnStoreOutage } from '../../../proto/gen/onced/v1/admin_pb.js';
import type { Namespace, Store } from '../../../storage/contract/index.ts';
import { openSqliteStore } from '../../../storage/sqlite/index.ts';
import { openManaged, type Managed } from '../../rpc/managed.ts';
import { bytes, ms, refusalOf } from '../../rpc/scene.ts';
import { startLoopClock } from '../../support/loop-clock.ts';
import { makeFolder } from '../../support/onced.ts';

export interface StoppableStore {
  open(): Promise<Store>;
  /** From its end on the store answers nothing. */
  stop(): Promise<void>;
  /** Resolves once it can answer. */
  start(): Promise<void>;
}

export interface Expected {
  readonly outageMs: number;
  /** Bound of begins that were at the store when it stopped, or came before this could be known. */
  readonly unawareMsMax: number;
}

/** Bound of every other begin that is refused. */
const REFUSED_MS_MAX = 100;
const GOING_ON = 12;
const REJECTED = 4;
const KEYS_BEFORE = 20;
const LEASE = { lease: ms(3_600_000) };

interface Asked {
  readonly begin: { readonly namespace: string; readonly key: string; readonly attemptId: string };
  readonly atMs: number;
  readonly endMs: number;
  /** By the loop's clock. */
  readonly tookMs: number;
  /** `acquired`, or the code and reason of an error. */
  readonly answer: string;
  /** What became of the write, as the error says. */
  readonly written: string | undefined;
}

/** What callers were told. */
interface Ledger {
  /** By key: the result whose Complete was answered. */
  readonly acknowledged: Map<string, string>;
  /** Calls that failed in the namespace that goes on. */
  readonly failed: string[];
  readonly rejecting: Asked[];
  degraded: number;
  journaled: number;
}

export async function proveOutage(stoppable: StoppableStore, expected: Expected): Promise<void> {
  await using folder = await makeFolder();
  const path = join(folder.path, 'journal.db');
  const calls = countingClaims();
  await using scene = await openManaged({
    place: stoppable,
    policy: { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED },
    journal: { exists: () => existsSync(path), open: async () => openSqliteStore({ path }) },
    wrap: calls.wrap,
  });
  const ledger: Ledger = { acknowledged: new Map(), failed: [], rejecting: [], degraded: 0, journaled: 0 };
  const work = workOf(scene, ledger);
  const numbers = Array.from({ length: KEYS_BEFORE }, (_, index) => index);
  for (const index of numbers) await work(`done-${index}`, 'first');
  const held = await Promise.all(numbers.map(async (index) => scene.acquire({ key: `held-${index}`, ...LEASE })));

  const over = new AbortController();
  const load = startLoad(scene, ledger, over.signal);
  await sleep(500);
  const stoppingMs = performance.now();
  await stoppable.stop();
  const downMs = performance.now();
  await expect.poll(() => ledger.degraded, { timeout: 30_000 }).toBeGreaterThan(0);
  const claimsWhenOpen = calls.claims();
  for (const [index, lease] of held.entries())
    await complete(scene, ledger, { key: `held-${index}`, lease, result: 'kept' });
  const again = numbers.map((index) => `done-${index}`);
  const firsts = new Map(ledger.acknowledged);
  for (const key of again) await work(key, 'second');
  // The first outcome stands, and that is what callers were told first.
  for (const key of again) ledger.acknowledged.set(key, firsts.get(key) ?? '');
  await sleep(Math.max(0, downMs + expected.outageMs - performance.now()));
  const claimsWhileOpen = calls.claims() - claimsWhenOpen;
  const upMs = performance.now();
  await stoppable.start();
  await expect.poll(() => scene.server.engine.outage.kept(), { timeout: 30_000 }).toBe(0);
  await sleep(500);
  over.abort();
  await load;

  const refused = ledger.rejecting.filter(({ answer, endMs }) => answer !== 'acquired' && endMs >= stoppingMs);
  const during = refused.filter(({ atMs }) => atMs < upMs);
  const awareMs = Math.min(...during.map(({ endMs }) => endMs));
  const unaware = during.filter(({ atMs }) => atMs <= awareMs);
  const aware = during.filter(({ atMs }) => atMs > awareMs);
  console.log(
    `${ledger.acknowledged.size} outcomes acknowledged, ${ledger.degraded} attempts degraded, ${ledger.journaled} outcomes`,
    `journaled; ${unaware.length} begins until the outage was known, at most ${longest(unaware)} ms;`,
    `${aware.length} refused after it, at most ${longest(aware)} ms; ${claimsWhileOpen} asked the store`,
  );

  expect(ledger.failed).toEqual([]);
  expect(ledger.degraded).toBeGreaterThan(100);
  expect(ledger.journaled).toBeGreaterThan(100);
  for (const [key, result] of ledger.acknowledged) {
    const { record } = await scene.client.lookup({ namespace: scene.namespace, key, includeResult: true });
    expect(`${key}: ${Buffer.from(record?.result ?? []).toString()}`).toBe(`${key}: ${result}`);
  }
  const { conflicts } = await scene.admin.listDegradedConflicts({ namespace: scene.namespace });
  expect(conflicts.map(({ key, cause }) => `${key} ${cause}`).toSorted()).toEqual(
    again.map((key) => `${key} OTHER_OUTCOME`).toSorted(),
  );

  expect(during.length).toBeGreaterThan(100);
  expect(new Set(refused.map(({ answer }) => answer))).toEqual(new Set([`${Code.UNAVAILABLE} STORE_UNAVAILABLE`]));
  expect(longest(unaware)).toBeLessThan(expected.unawareMsMax);
  expect(longest(aware)).toBeLessThan(REFUSED_MS_MAX);
  // Refused without asking the store: all that asked it had come before.
  expect(claimsWhileOpen).toBeLessThan(during.length / 10);
  expect(ledger.rejecting.findLast(({ atMs }) => atMs > upMs)?.answer).toBe('acquired');
  await assertNoneRan(scene, ledger.rejecting, downMs, upMs);
}

const longest = (asked: readonly Asked[]): number => Math.max(0, ...asked.map(({ tookMs }) => tookMs));

/** Nobody acquired, and what was refused left nothing behind but what its own caller finds again. */
async function assertNoneRan(scene: Managed, asked: readonly Asked[], downMs: number, upMs: number): Promise<void> {
  const during = asked.filter(({ atMs }) => atMs >= downMs && atMs < upMs);
  expect(during.filter(({ answer }) => answer === 'acquired')).toEqual([]);
  const [{ begin: { namespace } } = expect.fail('nobody asked')] = asked;
  const stored = new Set<string>();
  let after: string | undefined;
  do {
    const query = { namespace: namespace as Namespace, limit: 1000, ...(after === undefined ? {} : { after }) };
    const page = await scene.store.list(query);
    for (const { key } of page.records) stored.add(key);
    after = page.next;
  } while (after !== undefined);
  const refused = asked.filter(({ answer }) => answer !== 'acquired');
  expect(refused.filter(({ begin, written }) => written === 'none' && stored.has(begin.key))).toEqual([]);
  for (const { begin } of refused.filter(({ written }) => written === 'unknown')) {
    expect((await scene.begin(begin)).outcome).toMatchObject({ case: 'acquired', value: { attempt: 1 } });
  }
}

function countingClaims(): { readonly wrap: (store: Store) => Store; readonly claims: () => number } {
  let claims = 0;
  const wrap = (store: Store): Store => ({
    ...store,
    claim: async (...args) => {
      claims += 1;
      return store.claim(...args);
    },
  });
  return { wrap, claims: () => claims };
}

interface Ended {
  readonly key: string;
  readonly lease: Awaited<ReturnType<Managed['acquire']>>;
  readonly result: string;
}

async function complete(scene: Managed, ledger: Ledger, { key, lease, result }: Ended): Promise<void> {
  const answer = await scene.client.complete({ ...scene.holder(lease, key), result: bytes(result) });
  if (answer.journaled) ledger.journaled += 1;
  ledger.acknowledged.set(key, result);
}

const workOf =
  (scene: Managed, ledger: Ledger) =>
  async (key: string, result: string): Promise<void> => {
    const lease = await scene.acquire({ key, ...LEASE });
    if (lease.degraded) ledger.degraded += 1;
    await complete(scene, ledger, { key, lease, result });
  };

/** Resolves once the signal has fired and all have their last answer. Nobody repeats a call. */
async function startLoad(scene: Managed, ledger: Ledger, signal: AbortSignal): Promise<void> {
  const work = workOf(scene, ledger);
  const goOn = async (name: number): Promise<void> => {
    for (let index = 0; !signal.aborted; index += 1) {
      const key = `w${name}-${index}`;
      await work(key, key).catch((error: unknown) => ledger.failed.push(`${key}: ${String(error)}`));
      await sleep(5);
    }
  };
  const namespace = `rejecting/${randomUUID()}`;
  using clock = startLoopClock();
  const ask = async (begin: Asked['begin']): Promise<Pick<Asked, 'answer' | 'written'>> => {
    try {
      const { outcome } = await scene.begin(begin);
      return { answer: outcome.case ?? 'nothing', written: undefined };
    } catch (error) {
      const { code, reason, metadata } = refusalOf(error as Parameters<typeof refusalOf>[0]);
      return { answer: `${code} ${reason}`, written: metadata['outcome'] };
    }
  };
  const reject = async (name: number): Promise<void> => {
    for (let index = 0; !signal.aborted; index += 1) {
      const begin = { namespace, key: `r${name}-${index}`, attemptId: randomUUID() };
      const [atMs, from] = [performance.now(), clock.nowMs()];
      const answered = await ask(begin);
      ledger.rejecting.push({ begin, atMs, endMs: performance.now(), tookMs: clock.nowMs() - from, ...answered });
      await sleep(5);
    }
  };
  await Promise.all([
    ...Array.from({ length: GOING_ON }, async (_, name) => goOn(name)),
    ...Array.from({ length: REJECTED }, async (_, name) => reject(name)),
  ]);
}
