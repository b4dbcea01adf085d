// What the journal could not write as it was: side effects that may have happened twice, for somebody to look at.

import { hash } from 'node:crypto';
import type { Key, Registry, StoredRecord } from '../../storage/contract/index.ts';

export const CONFLICTS = 'degraded-conflict';

/** Why an attempt that ran without the store may be a duplicate. */
export type ConflictCause =
  /** Another attempt has its outcome in the store; that one stands. */
  | 'OTHER_OUTCOME'
  /** Another attempt was under way, or nobody knows what became of it. */
  | 'OTHER_ATTEMPT'
  /** The key stands for another request in the store. */
  | 'KEY_REUSED'
  /** The holder's lease was taken over, or its record settled otherwise. */
  | 'LEASE_LOST';

export interface Conflict {
  readonly namespace: string;
  readonly key: string;
  readonly cause: ConflictCause;
  /** State, owner and attempt id of what the journal held. */
  readonly state: string;
  readonly owner: string;
  readonly attemptId: string;
  /** When it is listed, by this server's clock. */
  readonly timeMs: number;
}

/** Lists it; false when it is listed already, so that a repeated replay counts nothing twice. */
export async function listConflict(
  registry: Registry,
  row: StoredRecord,
  { key, cause }: { readonly key: Key; readonly cause: ConflictCause },
): Promise<boolean> {
  const { namespace, state, owner, attemptId } = row;
  const conflict: Conflict = { namespace, key, cause, state, owner, attemptId, timeMs: Date.now() };
  const name = hash('sha256', `${namespace}\0${key}\0${row.leaseToken}`, 'hex');
  const put = { collection: CONFLICTS, name, value: JSON.stringify(conflict), expectedRevision: 0 };
  return (await registry.put(put)) !== undefined;
}

export async function readConflicts(registry: Registry, limit: number): Promise<readonly Conflict[]> {
  const entries = await registry.list({ collection: CONFLICTS, limit });
  return entries.map(({ value }) => JSON.parse(value) as Conflict);
}
