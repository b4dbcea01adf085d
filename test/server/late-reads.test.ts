// What servers keep of the registry is read again and again; a read that is late does not undo what was written meanwhile.

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { OnLeaseExpiry } from '../../proto/gen/onced/v1/admin_pb.js';
import { openApiKeys } from '../../server/auth/api-keys.ts';
import { openNamespaces } from '../../server/namespaces.ts';
import type { Namespace, Registry } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { policyMessage } from '../rpc/managed.ts';

const log = pino({ level: 'silent' });

/** A registry of which one list is answered late. */
function slowRegistry() {
  const { registry } = createMemoryStore();
  const late = Promise.withResolvers<void>();
  const state = { isNextLate: false };
  const list: Registry['list'] = async (query) => {
    const page = await registry.list(query);
    if (!state.isNextLate) return page;
    state.isNextLate = false;
    await late.promise;
    return page;
  };
  return { registry: { ...registry, list }, state, answer: () => late.resolve() };
}

test('a policy that was put holds', async () => {
  const { registry, state, answer } = slowRegistry();
  const namespaces = await openNamespaces({ registry, log });
  state.isNextLate = true;
  const late = namespaces.refresh();
  const namespace = 'payments' as Namespace;
  const policy = policyMessage({ onLeaseExpiry: OnLeaseExpiry.HOLD });
  await namespaces.put({ namespace, policy, expectedRevision: undefined });
  answer();
  await late;
  expect(namespaces.policyOf(namespace).onLeaseExpiry).toBe('HOLD');
  namespaces.stop();
});

test('an API key that was revoked lets nobody in', async () => {
  const { registry, state, answer } = slowRegistry();
  const apiKeys = await openApiKeys({ registry, log, pepper: Buffer.alloc(32) });
  const { record, secret } = await apiKeys.create({ name: 'worker', grants: [], expireMs: 0 });
  expect(apiKeys.principalOf(secret)).toBeDefined();
  state.isNextLate = true;
  const late = apiKeys.refresh();
  await apiKeys.revoke(record.id, false);
  answer();
  await late;
  expect(apiKeys.principalOf(secret)).toBeUndefined();
  apiKeys.stop();
});
