// What the journal could not write as it was: side effects that may have happened twice, for somebody to look at.

import { hash } from 'node:crypto';
import type { Key, Registry, StoredRecord, StoredState } from '../../storage/contract/index.ts';

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
  readonly state: StoredState;
  readonly owner: string;
  readonly attemptId: string;
  /** When it is listed, by this server's clock. */
  readonly timeMs: number;
}

export interface ListedConflict extends Conflict {
  readonly id: string;
}

/** Those that somebody has looked at stay here: a replay that was interrupted must not list them anew. */
const RESOLVED = 'degraded-conflict-resolved';
const ID_LENGTH = 16;

/** Lists it; false when it is or was listed already, so that a repeated replay counts nothing twice. */
export async function listConflict(
  registry: Registry,
  row: StoredRecord,
  { key, cause }: { readonly key: Key; readonly cause: ConflictCause },
): Promise<boolean> {
  const { namespace, state, owner, attemptId } = row;
  const conflict: Conflict = { namespace, key, cause, state, owner, attemptId, timeMs: Date.now() };
  const name = hash('sha256', `${namespace}\0${key}\0${row.leaseToken}`, 'hex').slice(0, ID_LENGTH);
  const put = { collection: CONFLICTS, name, value: JSON.stringify(conflict), expectedRevision: 0 };
  if ((await registry.put(put)) === undefined) return false;
  // Only now, so that one who resolves it at this moment either takes the new entry away or is seen here.
  if ((await registry.get({ collection: RESOLVED, name })) === undefined) return true;
  await registry.remove({ collection: CONFLICTS, name });
  return false;
}

/** A page in order of id. */
export async function readConflicts(
  registry: Registry,
  { after, limit }: { readonly after?: string; readonly limit: number },
): Promise<readonly ListedConflict[]> {
  const entries = await registry.list({ collection: CONFLICTS, limit, ...(after === undefined ? {} : { after }) });
  return entries.map(({ name, value }) => ({ id: name, ...(JSON.parse(value) as Conflict) }));
}

export async function readConflict(registry: Registry, id: string): Promise<ListedConflict | undefined> {
  const entry = await registry.get({ collection: CONFLICTS, name: id });
  return entry && { id, ...(JSON.parse(entry.value) as Conflict) };
}

/** Takes it off the list for good. May be repeated. */
export async function resolveConflict(registry: Registry, { id, ...conflict }: ListedConflict): Promise<void> {
  await registry.put({ collection: RESOLVED, name: id, value: JSON.stringify(conflict) });
  await registry.remove({ collection: CONFLICTS, name: id });
}
