// What the rpc tests share: a real server over a store whose clock they move, a namespace of its own each, short names.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { anyUnpack, durationFromMs, durationMs as msOf } from '@bufbuild/protobuf/wkt';
import type { ServiceError } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../proto/gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.js';
import {
  BeginIntentRequestSchema,
  type Acquired,
  type BeginIntentResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { DEFAULT_POLICY, type Policy } from '../../server/policy.ts';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import type { StoreSubject } from '../conformance/subject.ts';
import { startTestServer, type CallOptions, type TestClient, type TestServer } from '../support/server.ts';
import { shiftedStore } from '../support/shifted-store.ts';

export type BeginInit = MessageInitShape<typeof BeginIntentRequestSchema>;
export const ms = durationFromMs;
export { msOf };
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export interface RpcScene extends AsyncDisposable {
  readonly server: TestServer;
  readonly client: TestClient;
  readonly namespace: string;
  /** Moves the store's clock on. */
  advance(durationMs: number): void;
  begin(init?: BeginInit, options?: CallOptions): Promise<BeginIntentResponse>;
  /** Begins and expects the lease. */
  acquire(init?: BeginInit): Promise<Acquired>;
  holder(lease: Acquired, key?: string): { namespace: string; key: string; leaseToken: Uint8Array };
}

export interface SceneOptions {
  readonly store?: Store;
  readonly policy?: Partial<Policy>;
  /** Something between the server and its store, such as what makes it fail. */
  readonly wrap?: (store: Store) => Store;
}

export type OpenScene = (options?: Omit<SceneOptions, 'store'>) => Promise<RpcScene>;

/** Each scene on a place of its own. */
export function scenesOn(subject: StoreSubject): OpenScene {
  return async (options) => {
    const place = await subject.makePlace();
    const scene = await openScene({ ...options, store: await place.open() });
    return {
      ...scene,
      async [Symbol.asyncDispose]() {
        await scene[Symbol.asyncDispose]();
        await place.dispose();
      },
    };
  };
}

export async function openScene(options: SceneOptions = {}): Promise<RpcScene> {
  const { store = createMemoryStore(), policy, wrap = (inner: Store) => inner } = options;
  const shifted = shiftedStore(wrap(store));
  const server = await startTestServer({ store: shifted.store, policyOf: () => ({ ...DEFAULT_POLICY, ...policy }) });
  const namespace = `rpc/${randomUUID()}`;
  const begin: RpcScene['begin'] = async (init = {}, options) =>
    server.client.beginIntent(
      create(BeginIntentRequestSchema, { namespace, key: 'order-1', attemptId: randomUUID(), ...init }),
      options,
    );
  return {
    server,
    client: server.client,
    namespace,
    advance: (durationMs) => shifted.advance(durationMs),
    begin,
    async acquire(init) {
      const { outcome } = await begin(init);
      if (outcome.case !== 'acquired') throw new Error(`expected acquired, got ${outcome.case ?? 'nothing'}`);
      return outcome.value;
    },
    holder: (lease, key = 'order-1') => ({ namespace, key, leaseToken: lease.leaseToken }),
    [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
  };
}

/** Waits until this many begins are queued on the server: a condition, with a bound. */
export async function untilWaiting(scene: Pick<RpcScene, 'server'>, count: number): Promise<void> {
  for (let tries = 0; tries < 6000; tries += 1) {
    const { counters } = await scene.server.metrics.figures();
    if (counters.find(({ name }) => name === 'onced_waiters')?.value === count) return;
    await sleep(5);
  }
  expect.fail(`${count} waiters did not show within 30 s`);
}

export interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  readonly metadata: Record<string, string>;
  readonly retryMs: number | undefined;
  readonly fields: readonly string[];
}

/** The error that a call ends with, its details unpacked; fails when the call succeeds. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(
    () => expect.fail('expected an error, got an answer'),
    (thrown: unknown) => thrown as ServiceError,
  );
  return refusalOf(error);
}

export function refusalOf(error: ServiceError): Refusal {
  const [packed] = error.metadata?.get('grpc-status-details-bin') ?? [];
  const details = Buffer.isBuffer(packed) ? fromBinary(StatusSchema, packed).details : [];
  const info = details.map((any) => anyUnpack(any, ErrorInfoSchema)).find((found) => found !== undefined);
  const retry = details.map((any) => anyUnpack(any, RetryInfoSchema)).find((found) => found !== undefined);
  const request = details.map((any) => anyUnpack(any, BadRequestSchema)).find((found) => found !== undefined);
  if (info !== undefined) expect(info.domain).toBe('onced.v1');
  return {
    code: error.code,
    message: error.details,
    reason: info?.reason ?? '',
    metadata: info?.metadata ?? {},
    retryMs: retry?.retryDelay === undefined ? undefined : msOf(retry.retryDelay),
    fields: request?.fieldViolations.map((violation) => violation.field) ?? [],
  };
}
