// One history's world: every call goes through here, where its answer is held against the invariants and the spec.

import { isDeepStrictEqual } from 'node:util';
import {
  StoreError,
  type EpochMs,
  type RecordId,
  type StoredRecord,
  type Written,
} from '../../storage/contract/index.ts';
import { begin, extend, settle, ttlOf } from './caller.ts';
import type { BeginAnswer, BeginCall, ExtendCall, HolderAnswer, Policy, SettleCall } from './caller.ts';
import type { Invariants } from './invariants.ts';
import type { LostReply, Network } from './network.ts';
import type { Expected, Spec } from './spec.ts';

/** The clock of a history, and the deadlines that are worth standing at. */
export interface Clock {
  nowMs: EpochMs;
  readonly deadlines: number[];
}

export interface World {
  /** Each answers undefined when the reply was lost: the caller knows nothing and may ask again. */
  begin(call: BeginCall): Promise<BeginAnswer | undefined>;
  settle(call: SettleCall): Promise<HolderAnswer | undefined>;
  extend(call: ExtendCall): Promise<HolderAnswer | undefined>;
  /** What an operator or a reconciler does with an orphan that it saw. */
  resolve(seen: StoredRecord, as: Pick<SettleCall, 'settlement' | 'settleDigest'>): Promise<void>;
  takeOrphan(seen: StoredRecord, call: BeginCall): Promise<StoredRecord | undefined>;
  compact(): Promise<void>;
  readonly trace: string[];
}

export interface WorldParts {
  readonly network: Network;
  readonly policy: Policy;
  /** Undefined: only the invariants judge. */
  readonly spec: Spec | undefined;
  readonly invariants: Invariants;
  readonly clock: Clock;
}

export function createWorld({ network, policy, spec, invariants, clock }: WorldParts): World {
  const trace: string[] = [];
  const { store } = network;

  function note(call: RecordId, what: string, answer: Expected): void {
    const named = Object.entries(answer).filter(([, value]) => value !== undefined);
    const shown = named.map(([name, value]) => `${name}=${String(value)}`).join(' ');
    trace.push(`${clock.nowMs} ${call.namespace.slice(-1)}/${call.key} ${what}: ${shown}`);
  }

  function written(record: StoredRecord): void {
    invariants.recordWritten(record, clock.nowMs);
    clock.deadlines.push(record.leaseExpireMs, record.expireMs, record.purgeMs, record.retryMs, record.resultExpireMs);
  }

  /** Carries a call out and compares, at the instant of its last verb. A lost reply still moves the spec when it wrote. */
  async function observe<Answer>(observed: {
    readonly call: RecordId;
    readonly what: string;
    readonly run: () => Promise<Answer>;
    readonly judge: (answer: Answer) => void;
    readonly summary: (answer: Answer) => Expected;
    readonly expected: (spec: Spec) => Expected;
  }): Promise<Answer | undefined> {
    try {
      const answer = await observed.run();
      const actual = observed.summary(answer);
      note(observed.call, observed.what, actual);
      observed.judge(answer);
      const expected = spec === undefined ? actual : observed.expected(spec);
      if (!isDeepStrictEqual(actual, expected)) throw new Error(`expected ${show(expected)}, got ${show(actual)}`);
      return answer;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      note(observed.call, observed.what, { kind: error.message });
      const lost = error.cause as LostReply | undefined;
      if (lost?.applied === true && lost.record !== undefined) {
        written(lost.record);
        if (spec !== undefined) observed.expected(spec);
      }
      return undefined;
    }
  }

  const judgeHolder =
    (call: SettleCall | ExtendCall) =>
    (answer: HolderAnswer): void => {
      if (answer.kind === 'done') written(answer.record);
      invariants.holderAnswered(call, answer, clock.nowMs);
    };
  const judgeWritten = ({ applied, record }: Written): void => {
    if (applied && record !== undefined) written(record);
  };
  const isApplied = ({ applied }: Written): Expected => ({ applied });

  return {
    trace,

    begin: (call) =>
      observe({
        call,
        what: `begin by ${call.attemptId}`,
        run: () => begin(store, policy, call),
        judge(answer) {
          if (answer.kind === 'acquired') written(answer.record);
          invariants.beginAnswered(call, answer, clock.nowMs);
        },
        summary: summaryOfBegin,
        expected: (spec) => spec.begin(call, clock.nowMs),
      }),

    settle: (call) =>
      observe({
        call,
        what: `${call.settlement.kind} by ${call.leaseToken}`,
        run: () => settle(store, policy, call),
        judge: judgeHolder(call),
        summary: summaryOfHolder,
        expected: (spec) => spec.settle(call, clock.nowMs),
      }),

    extend: (call) =>
      observe({
        call,
        what: `extend by ${call.leaseToken}`,
        run: () => extend(store, policy, call),
        judge: judgeHolder(call),
        summary: summaryOfHolder,
        expected: (spec) => spec.extend(call, clock.nowMs),
      }),

    async resolve({ namespace, key, revision }, { settlement, settleDigest }) {
      const { graceMs } = policy;
      const ttlMs = ttlOf(policy, settlement);
      const guard = { kind: 'revision', revision } as const;
      await observe({
        call: { namespace, key },
        what: `resolve as ${settlement.kind}`,
        run: () => store.settle({ namespace, key, guard, settlement, settleDigest, ttlMs, graceMs }),
        judge: judgeWritten,
        summary: isApplied,
        expected: (spec) => ({
          applied: spec.settleByRevision({ namespace, key, settlement, settleDigest }, revision, clock.nowMs),
        }),
      });
    },

    async takeOrphan({ revision, fingerprints }, call) {
      const { leaseMs, orphanTtlMs, ttlMs, graceMs } = policy;
      const retention = { ttlMs, graceMs };
      const request = { ...call, fingerprints, expected: revision, labels: {}, owner: 'reconciler' };
      const answer = await observe({
        call,
        what: `take the orphan by ${call.attemptId}`,
        run: () => store.claim({ ...request, leaseMs, orphanTtlMs, retention }),
        judge: judgeWritten,
        summary: isApplied,
        expected: (spec) => ({ applied: spec.claimByRevision({ ...call, fingerprints: [] }, revision, clock.nowMs) }),
      });
      return answer?.applied === true ? answer.record : undefined;
    },

    async compact() {
      const { resultsDropped: dropped, recordsRemoved: removed } = await store.compact({ limit: 1_000_000 });
      trace.push(`${clock.nowMs} compact: dropped=${dropped} removed=${removed}`);
      const expected = spec?.compact(clock.nowMs) ?? { dropped, removed };
      if (!isDeepStrictEqual({ dropped, removed }, expected)) throw new Error(`expected ${JSON.stringify(expected)}`);
    },
  };
}

const show = (expected: Expected): string => JSON.stringify(expected);
const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
const STATES = {
  IN_PROGRESS: 'held',
  COMPLETED: 'completed',
  FAILED: 'failed',
  RELEASED: 'released',
  UNKNOWN: 'unknown',
} as const;

function summaryOfBegin(answer: BeginAnswer): Expected {
  if (answer.kind === 'rejected') return { kind: answer.reason };
  const { kind, record } = answer;
  const { attempt, leaseExpireMs: leaseEnd, expireMs: expireAt, retryMs: retryAt } = record;
  const error = record.error?.code;
  switch (kind) {
    case 'acquired': {
      const { leaseToken: token, fencingToken: fencing } = record;
      return { kind, token, fencing, attempt, leaseEnd, checkpoint: text(record.checkpoint), error };
    }
    case 'completed':
      return { kind, result: text(record.result), attempt, expireAt };
    case 'failed':
      return { kind, error, expireAt };
    case 'in-progress':
      return { kind, attempt, leaseEnd };
    case 'retry-later':
      return { kind, retryAt, error };
    case 'orphaned':
      return { kind, attempt };
  }
}

function summaryOfHolder(answer: HolderAnswer): Expected {
  if (answer.kind === 'rejected' && answer.reason === 'INTENT_NOT_FOUND') return { kind: answer.reason };
  const { attempt, state, expireMs: expireAt } = answer.record;
  const kind = answer.kind === 'rejected' ? answer.reason : answer.kind;
  return { kind, state: STATES[state], attempt, ...(kind === 'done' && { expireAt }) };
}
