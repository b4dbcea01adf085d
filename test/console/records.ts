// Records for the console's tests, made as services make them.

import { randomUUID } from 'node:crypto';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { OnLeaseExpiry } from '../../proto/gen/onced/v1/admin_pb.js';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import type { Scene } from './scene.ts';

type Calls = Pick<Scene, 'client' | 'admin'>;
interface Id {
  readonly namespace: string;
  readonly key: string;
}
interface Holder extends Id {
  readonly leaseToken: Uint8Array;
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

interface BeginOptions {
  readonly owner?: string;
  readonly leaseMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export async function begin(
  { client }: Calls,
  id: Id,
  { owner = 'checkout-1', leaseMs = 60_000, labels = {} }: BeginOptions = {},
): Promise<Holder> {
  const { outcome } = await client.beginIntent({
    ...id,
    attemptId: randomUUID(),
    owner,
    lease: durationFromMs(leaseMs),
    labels: { ...labels },
  });
  if (outcome.case !== 'acquired') throw new Error(`expected acquired, got ${outcome.case ?? 'nothing'}`);
  return { ...id, leaseToken: outcome.value.leaseToken };
}

export async function complete(calls: Calls, id: Id, result: Uint8Array, contentType = ''): Promise<void> {
  await calls.client.complete({ ...(await begin(calls, id)), result, contentType });
}

/** Its holder says that it does not know, after it had saved a checkpoint. */
export async function loseTrack(calls: Calls, id: Id, checkpoint = '{"step":"charged"}'): Promise<void> {
  const holder = await begin(calls, id);
  await calls.client.checkpoint({ ...holder, data: utf8(checkpoint) });
  await calls.client.fail({ ...holder, kind: FailKind.UNKNOWN });
}

/** Its lease runs out while the namespace holds such keys for a person. Resolves once it is an orphan. */
export async function letLapse(calls: Calls, id: Id): Promise<void> {
  const policy = { onLeaseExpiry: OnLeaseExpiry.HOLD };
  await calls.admin.putNamespace({ namespace: id.namespace, policy, reason: 'held for a person' });
  await begin(calls, id, { leaseMs: 100 });
  for (;;) {
    const { record } = await calls.client.lookup(id);
    if (record?.summary?.state === IntentState.ORPHANED) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function stateOf({ client }: Calls, id: Id): Promise<string> {
  const { record } = await client.lookup(id);
  return IntentState[record?.summary?.state ?? IntentState.UNSPECIFIED];
}
