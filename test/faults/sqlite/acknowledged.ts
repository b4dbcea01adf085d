// The oracle: what a process said was acknowledged must stand in the store that it left.

import type { Store } from '../../../storage/contract/index.ts';
import type { Said } from './child.ts';
import { idOf } from './scene.ts';

/** A sentence for each acknowledged write that is not there, or not as it was acknowledged. */
export async function missingFrom(store: Store, said: readonly Said[]): Promise<readonly string[]> {
  const faults = await Promise.all(said.map((one) => faultOf(store, one)));
  return faults.filter((fault) => fault !== undefined);
}

async function faultOf(store: Store, said: Said): Promise<string | undefined> {
  if (said.kind !== 'claimed' && said.kind !== 'settled') return undefined;
  const { record } = await store.read({ ...idOf(said.key), includeResult: true });
  if (record === undefined) return `${said.kind} ${said.key}: no record`;
  if (said.kind === 'claimed') {
    return record.leaseToken === said.leaseToken ? undefined : `claimed ${said.key}: another token`;
  }
  if (record.state !== 'COMPLETED') return `settled ${said.key}: ${record.state}`;
  const result = Buffer.from(record.result ?? []).toString();
  return result === said.result ? undefined : `settled ${said.key}: another result`;
}
