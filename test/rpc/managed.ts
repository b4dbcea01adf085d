// Servers whose policies are the stored ones (scene.ts fixes them), one or several over one store with a moved clock.

import { randomUUID } from 'node:crypto';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { NamespacePolicySchema, type NamespacePolicy } from '../../proto/gen/onced/v1/admin_pb.js';
import {
  BeginIntentRequestSchema,
  WatchIntentRequestSchema,
  type Acquired,
  type BeginIntentResponse,
  type WatchIntentResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import type { JournalPlace } from '../../server/outage.ts';
import type { WrappingKeys } from '../../server/sealing/wrapping-keys.ts';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { startTestServer, type AdminClient, type TestClient, type TestServer } from '../support/server.ts';
import { shiftedStore } from '../support/shifted-store.ts';
import type { BeginInit } from './scene.ts';

export type PolicyInit = MessageInitShape<typeof NamespacePolicySchema>;
export const policyMessage = (init: PolicyInit): NamespacePolicy => create(NamespacePolicySchema, init);

export interface Managed extends AsyncDisposable {
  readonly servers: readonly TestServer[];
  readonly server: TestServer;
  readonly client: TestClient;
  readonly admin: AdminClient;
  readonly namespace: string;
  readonly store: Store;
  /** Moves the store's clock on. */
  advance(durationMs: number): void;
  /** Replaces the namespace's own policy. */
  put(policy: PolicyInit): Promise<void>;
  begin(init?: BeginInit): Promise<BeginIntentResponse>;
  /** Begins and expects the lease. */
  acquire(init?: BeginInit): Promise<Acquired>;
  holder(lease: Acquired, key?: string): { namespace: string; key: string; leaseToken: Uint8Array };
}

export interface ManagedOptions {
  readonly store?: Store;
  readonly servers?: number;
  readonly configured?: Readonly<Record<string, PolicyInit>>;
  readonly serverPolicy?: PolicyInit;
  readonly policy?: PolicyInit;
  readonly journal?: JournalPlace;
  readonly archiveFolder?: string;
  readonly wrapping?: WrappingKeys;
}

export async function openManaged(options: ManagedOptions = {}): Promise<Managed> {
  const shifted = shiftedStore(options.store ?? createMemoryStore());
  const { store } = shifted;
  const { configured = {}, serverPolicy = {} } = options;
  const configuredPolicies = Object.fromEntries(
    Object.entries(configured).map(([name, init]) => [name, policyMessage(init)]),
  );
  const { archiveFolder, wrapping } = options;
  const journal = options.journal === undefined ? {} : { journal: options.journal };
  const policies = { configuredPolicies, serverPolicy: policyMessage(serverPolicy) };
  const engine = { store, ...policies, archiveFolder, wrapping, ...journal };
  const servers = await Promise.all(Array.from({ length: options.servers ?? 1 }, async () => startTestServer(engine)));
  const [server] = servers;
  if (server === undefined) throw new Error('a scene needs a server');
  const { client, admin } = server;
  const namespace = `managed/${randomUUID()}`;
  const put = async (policy: PolicyInit): Promise<void> => {
    await admin.putNamespace({ namespace, policy: policyMessage(policy) });
  };
  const begin = async (init: BeginInit = {}): Promise<BeginIntentResponse> =>
    client.beginIntent(
      create(BeginIntentRequestSchema, { namespace, key: 'order-1', attemptId: randomUUID(), ...init }),
    );
  if (options.policy !== undefined) await put(options.policy);
  return {
    servers,
    server,
    client,
    admin,
    namespace,
    store,
    advance: (durationMs) => shifted.advance(durationMs),
    put,
    begin,
    async acquire(init) {
      const { outcome } = await begin(init);
      if (outcome.case !== 'acquired') throw new Error(`expected acquired, got ${outcome.case ?? 'nothing'}`);
      return outcome.value;
    },
    holder: (lease, key = 'order-1') => ({ namespace, key, leaseToken: lease.leaseToken }),
    async [Symbol.asyncDispose]() {
      for (const each of servers) await each[Symbol.asyncDispose]();
    },
  };
}

/** WatchIntent as grpc-js gives it. */
export function watch(
  client: { readonly raw: TestClient['raw'] },
  id: { readonly namespace: string; readonly key: string },
): ClientReadableStream<WatchIntentResponse> {
  const raw = client.raw as unknown as Record<string, (request: object) => ClientReadableStream<WatchIntentResponse>>;
  const call = raw['watchIntent']?.bind(raw);
  if (call === undefined) throw new Error('no method watchIntent');
  return call(create(WatchIntentRequestSchema, id));
}
