// What must never happen, judged from the answers alone and without any model of the store: RELIABILITY.md 3.1.

import type { Fingerprint, RecordId, StoredRecord } from '../../storage/contract/index.ts';
import type { BeginAnswer, BeginCall, ExtendCall, HolderAnswer, SettleCall } from './caller.ts';

/** A promise of DESIGN.md 2 that an answer broke. */
export class BrokenPromise extends Error {
  readonly promise: string;

  constructor(promise: string, { namespace, key }: RecordId, detail = '') {
    super(`${promise}: ${namespace} ${key} ${detail}`);
    this.name = 'BrokenPromise';
    this.promise = promise;
  }
}

export interface Invariants {
  beginAnswered(call: BeginCall, answer: BeginAnswer, nowMs: number): void;
  holderAnswered(call: SettleCall | ExtendCall, answer: HolderAnswer, nowMs: number): void;
  /** A lease was granted, moved or ended, whether or not anybody was told. */
  recordWritten(record: StoredRecord, nowMs: number): void;
  /** The side effect itself, at a provider that refuses a fencing token smaller than the greatest it saw. */
  charge(record: StoredRecord): boolean;
  chargesOf(id: RecordId): number;
}

interface Grant {
  readonly token: string;
  readonly fencing: number;
  leaseEnd: number;
  wasRefused: boolean;
}

interface KeyHistory {
  /** Of the requests that the record stands for, as granted; nothing that the store shows later takes one away. */
  fingerprints: readonly Fingerprint[];
  /** The newest last. */
  readonly grants: Grant[];
  charges: number;
  fencingMax: number;
  outcome: { readonly result: Uint8Array; readonly expireMs: number; readonly resultExpireMs: number } | undefined;
}

export function createInvariants(): Invariants {
  const histories = new Map<string, KeyHistory>();
  const historyOf = ({ namespace, key }: RecordId): KeyHistory => {
    const name = `${namespace} ${key}`;
    const history = histories.get(name) ?? {
      fingerprints: [],
      grants: [],
      charges: 0,
      fencingMax: 0,
      outcome: undefined,
    };
    histories.set(name, history);
    return history;
  };
  const grantOf = (record: StoredRecord): Grant | undefined =>
    historyOf(record).grants.find((grant) => grant.token === record.leaseToken);

  function recordWritten(record: StoredRecord, nowMs: number): void {
    const history = historyOf(record);
    const { grants } = history;
    const known = grantOf(record);
    const leaseEnd = record.state === 'IN_PROGRESS' ? record.leaseExpireMs : 0;
    if (known === undefined) {
      expectNewGrant(grants, record, nowMs);
      const before = record.attempt === 1 ? [] : history.fingerprints;
      history.fingerprints = [...before, ...record.fingerprints];
      grants.push({ token: record.leaseToken, fencing: record.fencingToken, leaseEnd, wasRefused: false });
      return;
    }
    if (known !== grants.at(-1)) throw new BrokenPromise('a superseded holder changes nothing', record);
    if (known.fencing !== record.fencingToken) throw new BrokenPromise('a lease has one fencing token', record);
    known.leaseEnd = leaseEnd;
  }

  return {
    recordWritten,

    beginAnswered(call, answer, nowMs) {
      const { outcome, fingerprints } = historyOf(call);
      if (outcome !== undefined && nowMs < outcome.expireMs) expectOutcome(call, answer, outcome, nowMs);
      if (!('record' in answer)) return;
      if (answer.kind === 'in-progress' && answer.record.attemptId === call.attemptId) {
        throw new BrokenPromise('nobody is held up by itself', call);
      }
      if (!sharesOne(call.fingerprints, fingerprints)) throw new BrokenPromise('no false replay', call, answer.kind);
      const { result } = answer.record;
      if (result !== undefined && !Buffer.from(result).toString().startsWith(`${call.namespace} ${call.key} `)) {
        throw new BrokenPromise('two keys never meet', call);
      }
    },

    holderAnswered(call, answer, nowMs) {
      if (answer.kind === 'rejected') return;
      const history = historyOf(call);
      if (history.grants.at(-1)?.token !== call.leaseToken || grantOf(answer.record)?.wasRefused === true) {
        throw new BrokenPromise('a superseded holder is told so', call, answer.kind);
      }
      if (call.rpc !== 'settle' || call.settlement.kind !== 'completed') return;
      if (answer.kind === 'done' && history.outcome !== undefined && nowMs < history.outcome.expireMs) {
        throw new BrokenPromise('an outcome is final', call, 'was completed twice');
      }
      const { settleMs, expireMs } = answer.record;
      const resultExpireMs = Math.min(settleMs + call.settlement.resultTtlMs, expireMs);
      history.outcome = { result: call.settlement.result, expireMs, resultExpireMs };
    },

    charge(record) {
      const history = historyOf(record);
      if (record.fencingToken < history.fencingMax) {
        const grant = grantOf(record);
        if (grant !== undefined) grant.wasRefused = true;
        return false;
      }
      history.fencingMax = record.fencingToken;
      history.charges += 1;
      return true;
    },

    chargesOf: (id) => historyOf(id).charges,
  };
}

function expectNewGrant(grants: readonly Grant[], record: StoredRecord, nowMs: number): void {
  const other = grants.find((grant) => nowMs < grant.leaseEnd);
  if (other !== undefined) {
    throw new BrokenPromise('one holder', record, `granted at ${nowMs}, held by another until ${other.leaseEnd}`);
  }
  const last = grants.at(-1);
  if (last !== undefined && record.fencingToken <= last.fencing) {
    throw new BrokenPromise('fencing tokens rise', record, `${record.fencingToken} after ${last.fencing}`);
  }
}

type Outcome = NonNullable<KeyHistory['outcome']>;

function expectOutcome(call: BeginCall, answer: BeginAnswer, outcome: Outcome, nowMs: number): void {
  if (answer.kind === 'rejected' && answer.reason === 'KEY_REUSED') return;
  if (answer.kind !== 'completed') {
    throw new BrokenPromise('an outcome is final', call, `answered ${answer.kind} before ${outcome.expireMs}`);
  }
  const { result, resultDropped } = answer.record;
  if (resultDropped && nowMs < outcome.resultExpireMs) throw new BrokenPromise('never dropped early', call);
  if (!resultDropped && Buffer.compare(result ?? new Uint8Array(0), outcome.result) !== 0) {
    throw new BrokenPromise('an outcome is replayed byte for byte', call);
  }
}

function sharesOne(asked: readonly Fingerprint[], stored: readonly Fingerprint[]): boolean {
  if (stored.length === 0 || asked.length === 0) return true;
  return asked.some((a) => stored.some((s) => s.scheme === a.scheme && Buffer.compare(s.digest, a.digest) === 0));
}
