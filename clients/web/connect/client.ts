// The API's calls for applications, from a page. Those of operators are not in it.

import { backoffMs, sleep } from '../../node/signals.ts';
import { OncedError } from '../../node/errors.ts';
import type * as types from '../../node/types.ts';
import { randomAttemptId } from '../../node/attempt-id.ts';
import { beginAnswer, checkpointed, extended, intentRecord, settled } from '../../node/wire/answers.ts';
import * as requests from '../../node/wire/requests.ts';
import type { Work } from '../../node/work/perform.ts';
import { runOnce, type RunOptions, type RunResult } from '../../node/work/run-once.ts';
import { fingerprintOf } from '../fingerprint.ts';
import { createCalls, errorOfConnect, type Calls, type ConnectOptions } from './calls.ts';

/** Milliseconds for all tries of a call, when the caller gives none. */
const TIMEOUT_MS = { ask: 2_000, settle: 5_000, look: 1_000 } as const;
const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 2_000;
/** Streams in a row that broke without an answer before the caller is told. With the backoff: about ten seconds. */
const BROKEN_MAX = 10;

/** Keep one for the life of the page. Nothing is sent before the first call. */
export function createConnectClient(options: ConnectOptions): ConnectClient {
  return new ConnectClient(options);
}

export class ConnectClient implements types.IntentCalls {
  readonly #calls: Calls;
  readonly #options: ConnectOptions;

  constructor(options: ConnectOptions) {
    this.#calls = createCalls(options);
    this.#options = options;
  }

  /**
   * Does the work once for the key, however often and wherever this is called; as runOnce of @onced/client. A page that is
   * closed takes its work with it: another attempt is told that it takes over.
   */
  async runOnce<T>(
    namespace: string,
    key: string,
    request: unknown,
    work: Work<T>,
    options: RunOptions = {},
  ): Promise<RunResult<T>> {
    const { exclude = [], fingerprints = [fingerprintOf(request, { exclude })] } = options;
    const log = this.#options.log ?? (() => {});
    return runOnce(this, { namespace, key }, work, { log, ...options, fingerprints });
  }

  /** The record now, then after each change, until its outcome or the signal. Goes on by itself after a lost connection. */
  async *watch(
    place: { readonly namespace: string; readonly key: string },
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<types.WatchEvent, void> {
    for (let broken = 0; ; broken++) {
      try {
        const stream = this.#calls.wire.watchIntent(place, signal === undefined ? {} : { signal });
        for await (const { record, final: isFinal } of stream) {
          broken = 0;
          if (record !== undefined) yield { record: intentRecord(record), isFinal };
          if (isFinal) return;
        }
      } catch (thrown) {
        signal?.throwIfAborted();
        const error = thrown instanceof OncedError ? thrown : errorOfConnect(thrown, 0);
        if (!error.isRetryable || broken >= BROKEN_MAX) throw error;
      }
      await sleep(backoffMs({ tries: broken, min: BACKOFF_MS_MIN, max: BACKOFF_MS_MAX }), signal);
    }
  }

  async begin(request: types.BeginRequest, options?: types.CallOptions): Promise<types.BeginAnswer> {
    const attemptId = request.attemptId ?? randomAttemptId();
    const owner = request.owner ?? this.#options.owner ?? 'browser';
    const message = requests.beginRequest(request, { attemptId, owner });
    const asked = { timeoutMs: TIMEOUT_MS.ask + (request.waitMs ?? 0), ...options };
    const { response, sentMs } = await this.#calls.call(asked, async (wire, call) => wire.beginIntent(message, call));
    return beginAnswer(response, { sentMonotonicMs: sentMs, attemptId });
  }

  async complete(request: types.CompleteRequest, options?: types.CallOptions): Promise<types.Settled> {
    const message = requests.completeRequest(request);
    const asked = { timeoutMs: TIMEOUT_MS.settle, ...options };
    return settled((await this.#calls.call(asked, async (wire, call) => wire.complete(message, call))).response);
  }

  async fail(request: types.FailRequest, options?: types.CallOptions): Promise<types.Settled> {
    const message = requests.failRequest(request);
    const asked = { timeoutMs: TIMEOUT_MS.settle, ...options };
    return settled((await this.#calls.call(asked, async (wire, call) => wire.fail(message, call))).response);
  }

  async lookup(request: types.LookupRequest, options?: types.CallOptions): Promise<types.IntentRecord> {
    const message = requests.lookupRequest(request);
    const asked = { timeoutMs: TIMEOUT_MS.look, ...options };
    const { response } = await this.#calls.call(asked, async (wire, call) => wire.lookup(message, call));
    return intentRecord(response.record);
  }

  async renew(request: types.RenewRequest, options?: types.CallOptions): Promise<types.Extended> {
    const message = requests.renewRequest(request);
    const asked = { timeoutMs: TIMEOUT_MS.ask, ...options };
    const { response, sentMs } = await this.#calls.call(asked, async (wire, call) => wire.renew(message, call));
    return extended(response, sentMs);
  }

  async checkpoint(request: types.CheckpointRequest, options?: types.CallOptions): Promise<types.Checkpointed> {
    const message = requests.checkpointRequest(request);
    const asked = { timeoutMs: TIMEOUT_MS.ask, ...options };
    const { response, sentMs } = await this.#calls.call(asked, async (wire, call) => wire.checkpoint(message, call));
    return checkpointed(response, sentMs);
  }
}
