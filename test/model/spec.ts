// What must be answered, written a second time straight from the table in DESIGN.md 3, by somebody who has not read
// decide.ts or writes.ts: only types come from the contract. One cell a key; time comes in with every step.

import type { RecordId } from '../../storage/contract/index.ts';
import type { BeginCall, ExtendCall, Policy, SettleCall } from './caller.ts';

/** A settle without a token. */
export type Ending = RecordId & Pick<SettleCall, 'settlement' | 'settleDigest'>;

export interface Cell {
  state: 'held' | 'completed' | 'failed' | 'released' | 'unknown';
  attempt: number;
  attemptId: string;
  token: string;
  fencing: number;
  revision: number;
  fingerprints: readonly string[];
  leaseEnd: number;
  holdStart: number;
  retryAt: number;
  checkpoint: string | undefined;
  error: string | undefined;
  result: string | undefined;
  resultEnd: number;
  digest: string | undefined;
  expireAt: number;
  purgeAt: number;
}

/** An answer in a form that two sides can be compared in. */
export type Expected = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Spec {
  begin(call: BeginCall, now: number): Expected;
  settle(call: SettleCall, now: number): Expected;
  extend(call: ExtendCall, now: number): Expected;
  /** An operator or reconciler who read `revision` settles the record or takes its lease. True when that fits. */
  settleByRevision(call: Ending, revision: number, now: number): boolean;
  claimByRevision(call: BeginCall, revision: number, now: number): boolean;
  compact(now: number): { readonly dropped: number; readonly removed: number };
}

export function createSpec(policy: Policy): Spec {
  const cells = new Map<string, Cell>();
  const nameOf = (id: RecordId): string => `${id.namespace} ${id.key}`;
  const standing = (id: RecordId, now: number): Cell | undefined => {
    const cell = cells.get(nameOf(id));
    return cell !== undefined && now < cell.expireAt ? cell : undefined;
  };

  function acquire(call: BeginCall, now: number, cell: Cell | undefined): Expected {
    const remnant = cells.get(nameOf(call));
    const leaseEnd = now + policy.leaseMs;
    const next: Cell = {
      state: 'held',
      attempt: (cell?.attempt ?? 0) + 1,
      attemptId: call.attemptId,
      token: call.leaseToken,
      fencing: Math.max(now, (remnant?.fencing ?? 0) + 1),
      revision: Math.max(now, (remnant?.revision ?? 0) + 1),
      fingerprints: join(cell?.fingerprints ?? [], call),
      leaseEnd,
      holdStart: now,
      retryAt: 0,
      checkpoint: cell?.checkpoint,
      error: cell?.error,
      result: undefined,
      resultEnd: 0,
      digest: undefined,
      expireAt: leaseEnd + policy.orphanTtlMs,
      purgeAt: leaseEnd + policy.orphanTtlMs + policy.graceMs,
    };
    cells.set(nameOf(call), next);
    return acquired(next);
  }

  function finish(cell: Cell, call: Ending, now: number): void {
    const { settlement } = call;
    const ttl = settlement.kind === 'unknown' ? policy.orphanTtlMs : policy.ttlMs;
    cell.state = settlement.kind;
    cell.digest = call.settleDigest;
    cell.revision += 1;
    cell.expireAt = now + ttl;
    cell.purgeAt = now + ttl + policy.graceMs;
    cell.retryAt = settlement.kind === 'released' ? now + settlement.retryAfterMs : 0;
    if (settlement.kind === 'completed') {
      cell.result = text(settlement.result);
      cell.resultEnd = Math.min(now + settlement.resultTtlMs, cell.expireAt);
      cell.error = undefined;
    } else {
      cell.error = settlement.error?.code ?? cell.error;
    }
    if (settlement.kind === 'completed' || settlement.kind === 'failed') cell.checkpoint = undefined;
  }

  function renew(cell: Cell, now: number): void {
    cell.leaseEnd = Math.min(now + policy.leaseMs, cell.holdStart + policy.holdMsMax);
    if (cell.state !== 'held') return;
    cell.expireAt = Math.max(cell.leaseEnd, now) + policy.orphanTtlMs;
    cell.purgeAt = cell.expireAt + policy.graceMs;
  }

  function holder(call: SettleCall | ExtendCall, now: number): Cell | Expected {
    const cell = standing(call, now);
    if (cell === undefined) return { kind: 'INTENT_NOT_FOUND' };
    if (cell.token !== call.leaseToken) return { kind: 'LEASE_LOST', state: cell.state, attempt: cell.attempt };
    if (cell.state === 'held' || cell.state === 'unknown') return cell;
    const isRepeat = call.rpc === 'settle' && call.settleDigest === cell.digest;
    return { kind: isRepeat ? 'already-applied' : 'ALREADY_SETTLED', state: cell.state, attempt: cell.attempt };
  }

  return {
    begin(call, now) {
      const cell = standing(call, now);
      if (cell === undefined) return acquire(call, now, undefined);
      if (!agree(cell.fingerprints, call)) return { kind: 'KEY_REUSED' };
      if (cell.state === 'completed') {
        return { kind: 'completed', result: cell.result, attempt: cell.attempt, expireAt: cell.expireAt };
      }
      if (cell.state === 'failed') return { kind: 'failed', error: cell.error, expireAt: cell.expireAt };
      if (cell.state === 'unknown') return { kind: 'orphaned', attempt: cell.attempt };
      if (cell.attemptId === call.attemptId) {
        if (cell.state === 'released') return { kind: 'ATTEMPT_ENDED' };
        cell.revision += 1;
        renew(cell, now);
        return acquired(cell);
      }
      if (cell.state === 'held' && now < cell.leaseEnd) {
        return { kind: 'in-progress', attempt: cell.attempt, leaseEnd: cell.leaseEnd };
      }
      if (cell.state === 'held' && policy.onLeaseExpiry === 'HOLD') return { kind: 'orphaned', attempt: cell.attempt };
      if (policy.attemptsMax !== undefined && cell.attempt >= policy.attemptsMax) {
        finish(cell, { ...call, settleDigest: 'exhausted', settlement: EXHAUST }, now);
        return { kind: 'failed', error: cell.error, expireAt: cell.expireAt };
      }
      if (now < cell.retryAt) return { kind: 'retry-later', retryAt: cell.retryAt, error: cell.error };
      return acquire(call, now, cell);
    },

    settle(call, now) {
      const cell = holder(call, now);
      if (!isCell(cell)) return cell;
      finish(cell, call, now);
      return { kind: 'done', state: cell.state, attempt: cell.attempt, expireAt: cell.expireAt };
    },

    extend(call, now) {
      const cell = holder(call, now);
      if (!isCell(cell)) return cell;
      cell.revision += 1;
      if (call.checkpoint !== undefined) cell.checkpoint = text(call.checkpoint);
      if (call.renews) renew(cell, now);
      return { kind: 'done', state: cell.state, attempt: cell.attempt, expireAt: cell.expireAt };
    },

    settleByRevision(call, revision, now) {
      const cell = standing(call, now);
      const isOpen = cell !== undefined && cell.state !== 'completed' && cell.state !== 'failed';
      if (!isOpen || cell.revision !== revision) return false;
      finish(cell, call, now);
      return true;
    },

    claimByRevision(call, revision, now) {
      const cell = standing(call, now);
      if (cell?.revision !== revision) return false;
      acquire(call, now, cell);
      return true;
    },

    compact(now) {
      let dropped = 0;
      let removed = 0;
      for (const [name, cell] of cells) {
        if (now >= cell.purgeAt) {
          if (now <= cell.revision) continue;
          cells.delete(name);
          removed += 1;
        } else if (cell.result !== undefined && now >= cell.resultEnd) {
          cell.result = undefined;
          cell.revision += 1;
          dropped += 1;
        }
      }
      return { dropped, removed };
    },
  };
}

const EXHAUST = {
  kind: 'failed',
  error: { code: 'ATTEMPTS_EXHAUSTED', message: '', detail: new Uint8Array(0), contentType: '' },
} as const;

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

const isCell = (found: Cell | Expected): found is Cell => 'token' in found;

const acquired = (cell: Cell): Expected => ({
  kind: 'acquired',
  token: cell.token,
  fencing: cell.fencing,
  attempt: cell.attempt,
  leaseEnd: cell.leaseEnd,
  checkpoint: cell.checkpoint,
  error: cell.error,
});

const named = (call: BeginCall): readonly string[] =>
  call.fingerprints.map(({ scheme, digest }) => `${scheme}:${text(digest)}`);

const agree = (stored: readonly string[], call: BeginCall): boolean =>
  stored.length === 0 || call.fingerprints.length === 0 || named(call).some((asked) => stored.includes(asked));

/** The newest four, one a scheme: what stood there stays, what is new comes first. */
function join(stored: readonly string[], call: BeginCall): readonly string[] {
  const schemes = stored.map((name) => name.slice(0, name.indexOf(':')));
  const fresh = named(call).filter((name) => !schemes.includes(name.slice(0, name.indexOf(':'))));
  return [...fresh, ...stored].slice(0, 4);
}
