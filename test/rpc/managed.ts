// Servers whose policies are the stored ones (scene.ts fixes them), one or several over one store with a moved clock.

import { randomUUID } from 'node:crypto';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { expect } from 'vitest';
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
import type { StorePlace, StoreSubject } from '../conformance/subject.ts';
import { memorySubject } from '../conformance/subjects/memory.ts';
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

export type OpenManaged = (options?: ManagedOptions) => Promise<Managed>;

export interface ManagedOptions {
  /** Whose store, in a place of its own. Default: memory. Each server opens one where that may be, else they share one. */
  readonly subject?: StoreSubject;
  /** One of the subject's places that others use too. */
  readonly place?: Pick<StorePlace, 'open'>;
  /** Instead of a subject's. */
  readonly store?: Store;
  /** Something between each server and its store, such as what makes it fail. */
  readonly wrap?: (store: Store) => Store;
  readonly servers?: number;
  readonly configured?: Readonly<Record<string, PolicyInit>>;
  readonly serverPolicy?: PolicyInit;
  readonly policy?: PolicyInit;
  readonly journal?: JournalPlace;
  readonly archiveFolder?: string;
  readonly wrapping?: WrappingKeys;
}

export async function openManaged(options: ManagedOptions = {}): Promise<Managed> {
  const place = await placeOf(options);
  const { subject = memorySubject, configured = {}, serverPolicy = {}, wrap = (store) => store } = options;
  const count = options.servers ?? 1;
  const storesCount = subject.allowsPeers === true ? count : 1;
  const opened = await Promise.all(Array.from({ length: storesCount }, async () => place.open()));
  const shifted = opened.map((inner) => shiftedStore(wrap(inner)));
  const configuredPolicies = Object.fromEntries(
    Object.entries(configured).map(([name, init]) => [name, policyMessage(init)]),
  );
  const { archiveFolder, wrapping } = options;
  const journal = options.journal === undefined ? {} : { journal: options.journal };
  const policies = { configuredPolicies, serverPolicy: policyMessage(serverPolicy) };
  const engine = { ...policies, archiveFolder, wrapping, ...journal };
  const storeOf = (index: number): Store => shifted[index % storesCount]?.store ?? expect.fail('no store');
  // Servers may share a store: it is closed when all of them have ended.
  const stores = Array.from({ length: count }, (_, index) => ({ ...storeOf(index), close: async () => undefined }));
  const servers = await Promise.all(stores.map(async (store) => startTestServer({ ...engine, store })));
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
    store: storeOf(0),
    advance: (durationMs) => shifted.forEach((store) => store.advance(durationMs)),
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
      for (const store of opened) await store.close();
      await place.dispose();
    },
  };
}

async function placeOf({ store, place, subject = memorySubject }: ManagedOptions): Promise<StorePlace> {
  const dispose = async (): Promise<void> => undefined;
  if (store !== undefined) return { open: async () => store, dispose };
  return place === undefined ? subject.makePlace() : { open: async () => place.open(), dispose };
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
