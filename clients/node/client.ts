// The typed client: one method for each call of the API, over whichever transport fits.

/// <reference lib="esnext.disposable" preserve="true" />

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { create } from '@bufbuild/protobuf';
import { GetServerInfoRequestSchema } from '../../proto/gen/onced/v1/idempotency_pb.js';
import {
  beginAnswer,
  claimedOrphans,
  checkpointed,
  extended,
  intentRecord,
  issuedKeys,
  serverInfo,
  settled,
} from './wire/answers.ts';
import { createCaller, type Caller } from './wire/caller.ts';
import { fingerprintOf } from './fingerprint/fingerprint.ts';
import type { ClientOptions } from './options.ts';
import * as requests from './wire/requests.ts';
import type { Work } from './work/perform.ts';
import { keepReconciling, type KeepReconcilingOptions } from './work/keep-reconciling.ts';
import { reconcile, type Reconciled, type ReconcileOptions, type Review } from './work/reconcile.ts';
import { runOnce, type RunOptions, type RunResult } from './work/run-once.ts';
import type * as types from './types.ts';
import { watchIntent } from './wire/watch.ts';

/** Milliseconds for all tries of a call, when the caller gives none. */
const TIMEOUT_MS = { ask: 2_000, settle: 5_000, look: 1_000 } as const;

/** Keep one for the life of the process: it shares one connection between all calls. Nothing is sent before the first. */
export function createClient(options: ClientOptions): OncedClient {
  return new OncedClient(options);
}

export class OncedClient implements types.IntentCalls {
  readonly #caller: Caller;
  readonly #owner: string;

  /** @throws TypeError for an address or token that cannot be used. */
  constructor(options: ClientOptions) {
    this.#caller = createCaller(options);
    this.#owner = options.owner ?? `${hostname()}/${process.pid}`;
  }

  /**
   * Does the work once for the key, however often and wherever this is called, and gives its result to every caller.
   *
   * Somebody else is at it: waits for their outcome up to `timeoutMs`, then rejects with InProgressError or
   * RetryLaterError. It failed for good: IntentFailedError. Nobody knows whether it happened: OrphanedError. The key stands
   * for another request: KeyReusedError. Work that throws: see PerformOptions.onThrow.
   */
  async runOnce<T>(
    namespace: string,
    key: string,
    request: unknown,
    work: Work<T>,
    options: RunOptions = {},
  ): Promise<RunResult<T>> {
    const { exclude = [], fingerprints = [fingerprintOf(request, { exclude })] } = options;
    return runOnce(this, { namespace, key }, work, { log: this.#caller.log, ...options, fingerprints });
  }

  /** Takes orphans and records what `review` finds out about each; one round. `keepReconciling` goes on. */
  async reconcile(namespace: string, review: Review, options: ReconcileOptions = {}): Promise<Reconciled> {
    return reconcile(this, namespace, review, { log: this.#caller.log, ...options });
  }

  /**
   * Reconciles round after round until `options.signal` fires, however often the server is away meanwhile. Run as many as
   * you like: no orphan is with two of them, and what one leaves when it dies is taken by the others.
   */
  async keepReconciling(namespace: string, review: Review, options: KeepReconcilingOptions): Promise<Reconciled> {
    return keepReconciling(this, namespace, review, { log: this.#caller.log, ...options });
  }

  /** Asks whether the side effect may be done now. Rejects with KeyReusedError and the errors of every call. */
  async begin(request: types.BeginRequest, options?: types.CallOptions): Promise<types.BeginAnswer> {
    const attemptId = request.attemptId ?? randomUUID();
    const message = requests.beginRequest(request, { attemptId, owner: request.owner ?? this.#owner });
    const timeoutMs = TIMEOUT_MS.ask + (request.waitMs ?? 0);
    const { response, sentMs } = await this.#caller.call('beginIntent', message, { timeoutMs, ...options });
    return beginAnswer(response, { sentMonotonicMs: sentMs, attemptId });
  }

  /** Records the result. Keep repeating until it is answered: a lost complete is what causes duplicates. */
  async complete(request: types.CompleteRequest, options?: types.CallOptions): Promise<types.Settled> {
    const message = requests.completeRequest(request);
    const { response } = await this.#caller.call('complete', message, { timeoutMs: TIMEOUT_MS.settle, ...options });
    return settled(response);
  }

  /** Ends the attempt without a result. */
  async fail(request: types.FailRequest, options?: types.CallOptions): Promise<types.Settled> {
    const message = requests.failRequest(request);
    const { response } = await this.#caller.call('fail', message, { timeoutMs: TIMEOUT_MS.settle, ...options });
    return settled(response);
  }

  /** Shows the record without taking anything. Rejects with IntentNotFoundError when there is none. */
  async lookup(request: types.LookupRequest, options?: types.CallOptions): Promise<types.IntentRecord> {
    const message = requests.lookupRequest(request);
    const { response } = await this.#caller.call('lookup', message, { timeoutMs: TIMEOUT_MS.look, ...options });
    return intentRecord(response.record);
  }

  /** Keeps the lease: it counts from now again. Rejects with LeaseLostError once somebody else has taken over. */
  async renew(request: types.RenewRequest, options?: types.CallOptions): Promise<types.Extended> {
    const message = requests.renewRequest(request);
    const { response, sentMs } = await this.#caller.call('renew', message, { timeoutMs: TIMEOUT_MS.ask, ...options });
    return extended(response, sentMs);
  }

  /** Saves bytes for whoever attempts next, and keeps the lease. Save before the step that cannot be undone. */
  async checkpoint(request: types.CheckpointRequest, options?: types.CallOptions): Promise<types.Checkpointed> {
    const message = requests.checkpointRequest(request);
    const asked = { timeoutMs: TIMEOUT_MS.ask, ...options };
    const { response, sentMs } = await this.#caller.call('checkpoint', message, asked);
    return checkpointed(response, sentMs);
  }

  /** The record now, then after each change, until its outcome or the signal. Goes on by itself after a lost connection. */
  watch(
    place: { namespace: string; key: string },
    options?: { signal?: AbortSignal },
  ): AsyncIterable<types.WatchEvent> {
    return watchIntent(this.#caller, place, options?.signal);
  }

  /** Keys made by the server: random, signed, bound to the namespace. */
  async issueKeys(request: types.IssueKeysRequest, options?: types.CallOptions): Promise<types.IssuedKeys> {
    const message = requests.issueKeysRequest(request);
    const { response } = await this.#caller.call('issueKeys', message, { timeoutMs: TIMEOUT_MS.ask, ...options });
    return issuedKeys(response);
  }

  /** Takes orphans to reconcile them: each is leased to the caller as a new attempt. A repeat may claim others. */
  async claimOrphans(request: types.ClaimOrphansRequest, options?: types.CallOptions): Promise<types.ClaimedOrphan[]> {
    const message = requests.claimOrphansRequest(request, request.owner ?? this.#owner);
    const asked = { timeoutMs: TIMEOUT_MS.settle, ...options };
    const { response, sentMs } = await this.#caller.call('claimOrphans', message, asked);
    return claimedOrphans(response, sentMs);
  }

  /** What the server is, what it can do, and what an acknowledgement means on its store. */
  async serverInfo(options?: types.CallOptions): Promise<types.ServerInfo> {
    const message = create(GetServerInfoRequestSchema);
    const { response } = await this.#caller.call('getServerInfo', message, { timeoutMs: TIMEOUT_MS.look, ...options });
    return serverInfo(response);
  }

  /** Calls that are pending reject with ClosedError. Wait for your runOnce calls first. */
  close(): void {
    this.#caller.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
