// Session: many operations in one message each way. What is asked in one turn of the event loop goes out together, with
// no timer that would add latency. A stream that breaks settles all that is pending with an error that may be retried.

import type { Metadata, ServiceError } from '@grpc/grpc-js';
import type { OperationResult } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import type { Connection } from './connection.ts';
import { closed, deadlineExceeded, disconnected, oncedError, unreachable } from './error-table.ts';
import type { OncedError } from '../errors.ts';
import type { Log, SessionOptions } from '../options.ts';
import { createSessionQueue, turnOf, type Pending } from './session-queue.ts';
import { SENT_MAX } from './sent-operations.ts';
import { createSessionWindow } from './session-window.ts';
import { openStream, type SessionStream } from './session-stream.ts';
import { onAbort, sleep } from '../signals.ts';
import type { PackedCalls, PackedName, Transport, TryOptions } from './transport.ts';
import { errorOfCall } from './status.ts';
import { errorOfStatus } from './status-details.ts';

const IN_FLIGHT_MAX = 1024;
const QUEUE_MAX = 65_536;
const IDLE_MS = 1_000;
/** How often deadlines are looked at: one timer for all instead of one an operation. */
const SWEEP_MS = 50;
/** The server answers at the deadline itself; past this nobody waits for it. */
const ANSWER_MARGIN_MS = 250;
const REOPEN_MS_MIN = 50;
const REOPEN_MS_MAX = 2_000;

export interface SessionSetup {
  readonly connection: Connection;
  readonly options: SessionOptions;
  /** The server's bound on unanswered operations. */
  readonly serverInFlightMax: number;
  readonly log: Log;
  /** The server has no Session after all. */
  readonly onUnsupported: () => void;
}

export function createSession(setup: SessionSetup): Transport<PackedCalls> {
  return new Session(setup);
}

class Session implements Transport<PackedCalls> {
  readonly kind = 'session';
  readonly #setup: SessionSetup;
  readonly #queue;
  readonly #window;
  readonly #queueMax: number;
  readonly #idleMs: number;
  #stream: SessionStream | undefined;
  #isOpening = false;
  #isBlocked = false;
  #isScheduled = false;
  #isClosed = false;
  #failuresInRow = 0;
  #reopenAtMs = 0;
  #lastReceiptMs = 0;
  #lastUseMs = 0;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(setup: SessionSetup) {
    const { inFlightMax = IN_FLIGHT_MAX, queueMax = QUEUE_MAX, idleMs = IDLE_MS } = setup.options;
    this.#setup = setup;
    this.#window = createSessionWindow(Math.max(1, Math.min(inFlightMax, setup.serverInFlightMax, SENT_MAX)));
    this.#queue = createSessionQueue(this.#window.size);
    this.#queueMax = queueMax;
    this.#idleMs = idleMs;
  }

  // Not async: it is the hot path, and an async function would add a promise to the one that it makes.
  call<Name extends PackedName>(
    name: Name,
    request: PackedCalls[Name]['request'],
    { timeoutMs, signal }: TryOptions,
  ): Promise<PackedCalls[Name]['response']> {
    return new Promise((resolve: (response: never) => void, reject) => {
      const refusal = this.#refusal(signal);
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      const pending: Pending = {
        id: 0,
        name,
        request,
        deadlineMs: performance.now() + timeoutMs,
        timeoutMs,
        turn: turnOf(name, request),
        sentMs: undefined,
        isSettled: false,
        unlisten: undefined,
        resolve: resolve as Pending['resolve'],
        reject,
      };
      if (signal !== undefined) listen(pending, signal);
      this.#queue.add(pending);
      this.#schedule();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#stream?.cancel();
    this.#stream = undefined;
    this.#rejectAll(closed());
    clearInterval(this.#sweeper);
  }

  #refusal(signal: AbortSignal | undefined): unknown {
    if (this.#isClosed) return closed();
    if (signal?.aborted === true) return signal.reason;
    if (this.#queue.queued < this.#queueMax) return undefined;
    return oncedError({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'OVERLOADED',
      message: `${this.#queueMax} operations of this client wait for their turn`,
      retryAfterMs: SWEEP_MS,
    });
  }

  /** After this turn's promises, so that all whom the last answers woke are in one pack. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#startSweeping();
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #startSweeping(): void {
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  #flush(): void {
    if (this.#stream === undefined) {
      if (this.#queue.queued > 0 && !this.#isOpening && !this.#isClosed) void this.#open();
      return;
    }
    const nowMs = performance.now();
    this.#lastUseMs = nowMs;
    while (!this.#isBlocked) {
      const pack = this.#queue.take(nowMs);
      if (pack === undefined) return;
      this.#isBlocked = !this.#stream.write(pack);
    }
  }

  async #open(): Promise<void> {
    this.#isOpening = true;
    try {
      const waitMs = this.#reopenAtMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const metadata = await this.#setup.connection.metadata();
      if (!this.#isClosed) this.#start(metadata);
    } catch (error) {
      // The credentials could not be had, or the channel is gone.
      this.#rejectAll(error);
    } finally {
      this.#isOpening = false;
    }
    this.#flush();
  }

  #start(metadata: Metadata): void {
    const stream = openStream(this.#setup.connection.client, metadata, {
      onResults: (results) => this.#settle(results),
      onDrain: () => {
        this.#isBlocked = false;
        this.#flush();
      },
      // A stream that was given up before is of no interest any more.
      onOver: (error) => {
        if (this.#stream === stream) this.#over(error);
      },
    });
    this.#stream = stream;
    this.#isBlocked = false;
    // Whoever asked for it may be gone by now; an idle stream must be closed all the same.
    this.#lastUseMs = performance.now();
    this.#startSweeping();
  }

  #settle(results: readonly OperationResult[]): void {
    this.#lastReceiptMs = performance.now();
    this.#lastUseMs = this.#lastReceiptMs;
    this.#failuresInRow = 0;
    this.#setup.connection.noteAnswer();
    this.#window.answered(results.length);
    for (const { id, result } of results) {
      const pending = this.#queue.answered(Number(id));
      if (pending === undefined || !settle(pending)) continue;
      if (result.case === pending.name) pending.resolve(result.value);
      else if (result.case === 'error') this.#reject(pending, errorOfStatus(result.value));
      else pending.reject(unreachable(`the server answered ${String(result.case)} to ${pending.name}`));
    }
    this.#queue.inFlightMax = this.#window.size;
    if (this.#queue.queued > 0) this.#schedule();
  }

  #reject(pending: Pending, error: OncedError): void {
    if (error.reason === 'OVERLOADED') this.#window.refused(this.#queue.unanswered);
    pending.reject(error);
  }

  /** The stream is over: all that is pending may or may not have happened, and can be repeated. */
  #over(error: ServiceError | undefined): void {
    this.#stream = undefined;
    const cause = error === undefined ? disconnected('the server ended the session') : broken(errorOfCall(error));
    this.#failuresInRow += 1;
    const backoffMs = Math.min(REOPEN_MS_MAX, REOPEN_MS_MIN * 2 ** this.#failuresInRow);
    this.#reopenAtMs = performance.now() + Math.random() * backoffMs;
    const pending = this.#queue.unanswered + this.#queue.queued;
    if (pending > 0) this.#setup.log('info', 'session broke', { pending, reason: cause.reason, detail: cause.message });
    if (cause.reason === 'UNIMPLEMENTED') {
      this.#setup.onUnsupported();
      this.#rejectAll(unreachable('the server has no Session: repeated one by one', cause));
    } else {
      this.#rejectAll(cause);
    }
  }

  #rejectAll(error: unknown): void {
    for (const pending of this.#queue.clear()) {
      if (settle(pending)) pending.reject(error);
    }
  }

  #sweep(): void {
    const nowMs = performance.now();
    const overdue = [...this.#queue.all()].filter((pending) => this.#expire(pending, nowMs));
    // Nothing at all came back since one of them was sent: the stream is dead, whatever the connection says.
    if (overdue.some(({ sentMs }) => sentMs !== undefined && this.#lastReceiptMs < sentMs)) {
      this.#setup.connection.noteSilence();
      this.#stream?.cancel();
    }
    if (this.#queue.unanswered + this.#queue.queued > 0 || nowMs - this.#lastUseMs < this.#idleMs) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    const idle = this.#stream;
    this.#stream = undefined;
    idle?.end();
  }

  /** True when its time was over just now. */
  #expire(pending: Pending, nowMs: number): boolean {
    const marginMs = pending.sentMs === undefined ? 0 : ANSWER_MARGIN_MS;
    if (nowMs < pending.deadlineMs + marginMs || !settle(pending)) return false;
    pending.reject(deadlineExceeded(pending.timeoutMs));
    return true;
  }
}

/** Credentials that are refused stay refused; anything else that ends a stream says nothing about its operations. */
function broken(error: OncedError): OncedError {
  switch (error.reason) {
    case 'UNAUTHENTICATED':
    case 'PERMISSION_DENIED':
    case 'UNIMPLEMENTED':
      return error;
    default:
      return disconnected(`the session broke: ${error.message}`, error);
  }
}

/** False when the caller had its answer already. */
function settle(pending: Pending): boolean {
  if (pending.isSettled) return false;
  pending.isSettled = true;
  pending.unlisten?.();
  return true;
}

function listen(pending: Pending, signal: AbortSignal): void {
  pending.unlisten = onAbort(signal, () => {
    if (settle(pending)) pending.reject(signal.reason);
  });
}
