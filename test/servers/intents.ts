// Keys begun through whichever server, and what can be seen of them from each.

import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Acquired, BeginIntentResponse, Completed } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import { ms, msOf, type BeginInit } from '../rpc/scene.ts';
import type { Peer } from './places.ts';

/** Nothing waits for so long unless something is wrong; the machine may be busy. */
export const WAIT = ms(30_000);

export interface Id {
  readonly namespace: string;
  readonly key: string;
}

export type Intent = ReturnType<typeof newIntent>;

export const newNamespace = (): string => `servers/${randomUUID()}`;

/** A key of its own, begun through whichever server. */
export function newIntent(id: Id = { namespace: newNamespace(), key: 'order-1' }) {
  const begin = ({ client }: Peer, init: BeginInit = {}): Promise<BeginIntentResponse> => {
    const timeoutMs = 10_000 + (init.wait === undefined ? 0 : msOf(WAIT));
    return client.beginIntent({ ...id, attemptId: randomUUID(), ...init }, { timeoutMs });
  };
  return {
    id,
    begin,
    acquire: async (peer: Peer, init?: BeginInit): Promise<Acquired> => acquiredOf(await begin(peer, init)),
    completed: async (peer: Peer, init?: BeginInit): Promise<Completed> => {
      const { outcome } = await begin(peer, init);
      if (outcome.case !== 'completed') throw new Error(`expected completed, got ${outcome.case ?? 'nothing'}`);
      return outcome.value;
    },
    holder: (lease: Acquired | undefined) => ({ ...id, leaseToken: lease?.leaseToken ?? new Uint8Array() }),
  };
}

export function acquiredOf({ outcome }: BeginIntentResponse): Acquired {
  if (outcome.case !== 'acquired') throw new Error(`expected acquired, got ${outcome.case ?? 'nothing'}`);
  return outcome.value;
}

export const textOf = ({ result }: Completed): string => Buffer.from(result).toString();

export async function waitersOf({ served }: Peer): Promise<number> {
  const metrics = await (await fetch(`${served.http}/metrics`)).text();
  return Number(/^onced_waiters (\d+)$/m.exec(metrics)?.[1]);
}

export async function untilOrphaned({ client }: Peer, id: Id): Promise<void> {
  await expect
    .poll(async () => (await client.lookup(id)).record?.summary?.state, { timeout: 30_000, interval: 20 })
    .toBe(IntentState.ORPHANED);
}

export async function listAll(
  admin: Peer['admin'],
  filter: { readonly namespace: string; readonly states?: IntentState[] },
): Promise<readonly string[]> {
  const keys: string[] = [];
  let pageToken = '';
  do {
    const page = await admin.listRecords({ filter, pageSize: 7, pageToken });
    keys.push(...page.records.map(({ summary }) => summary?.key ?? ''));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return keys;
}
