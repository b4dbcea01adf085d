// Operations of a Session: those that wait for their turn and those that are sent and unanswered.

import type { Operation } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { createSentOperations, type Sent } from './sent-operations.ts';
import type { PackedName, PackedCalls } from './transport.ts';

export interface Pending extends Sent {
  readonly name: PackedName;
  readonly request: PackedCalls[PackedName]['request'];
  /** On performance.now(). */
  readonly deadlineMs: number;
  readonly timeoutMs: number;
  readonly turn: Turn;
  /** On performance.now(); undefined while it waits for its turn. */
  sentMs: number | undefined;
  /** The caller has its answer, or has stopped waiting. A sent operation still takes room until the server answers. */
  isSettled: boolean;
  /** Takes its listener off the caller's signal. */
  unlisten: (() => void) | undefined;
  readonly resolve: (response: PackedCalls[PackedName]['response']) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Holders first: their calls relieve the server. Then begins and lookups. Last begins that wait for somebody else's
 * outcome, which may take no more than half of the room: otherwise the holder's Complete could not get through to end
 * their wait.
 */
export type Turn = 0 | 1 | 2;
const WAITING: Turn = 2;

export function turnOf(name: PackedName, request: PackedCalls[PackedName]['request']): Turn {
  if (name === 'lookup') return 1;
  if (name !== 'beginIntent') return 0;
  return 'wait' in request && request.wait !== undefined ? WAITING : 1;
}

/** Payload bytes of one message, kept well below the server's limit of 4 MiB. */
const PACK_BYTES_MAX = 1024 * 1024;

export interface SessionQueue {
  /** How many may be unanswered at a time, from now on. */
  inFlightMax: number;
  /** Operations that wait for their turn. */
  readonly queued: number;
  readonly unanswered: number;
  add(pending: Pending): void;
  /** The next pack, now counted as sent; undefined when nothing may be sent now. */
  take(nowMs: number): Operation[] | undefined;
  /** The operation that a result belongs to, which is then forgotten. */
  answered(id: number): Pending | undefined;
  /** All that are known, sent or not. */
  all(): Iterable<Pending>;
  /** Forgets everything, and returns it. */
  clear(): readonly Pending[];
}

export function createSessionQueue(initialInFlightMax: number): SessionQueue {
  let inFlightMax = initialInFlightMax;
  const turns: readonly Fifo[] = [createFifo(), createFifo(), createFifo()];
  const sent = createSentOperations<Pending>();
  let waitersSent = 0;

  const mayTake = (turn: number): boolean =>
    sent.size < inFlightMax && (turn !== WAITING || waitersSent < Math.max(1, inFlightMax / 2));

  const next = (): Pending | undefined => {
    for (const [turn, fifo] of turns.entries()) {
      const pending = mayTake(turn) ? fifo.shift() : undefined;
      if (pending !== undefined) return pending;
    }
    return undefined;
  };

  return {
    get inFlightMax() {
      return inFlightMax;
    },
    set inFlightMax(max) {
      inFlightMax = max;
    },
    get queued() {
      return turns.reduce((count, fifo) => count + fifo.size, 0);
    },
    get unanswered() {
      return sent.size;
    },
    add(pending) {
      turns[pending.turn]?.push(pending);
    },
    take(nowMs) {
      const operations: Operation[] = [];
      let bytes = 0;
      while (bytes < PACK_BYTES_MAX) {
        const pending = next();
        if (pending === undefined) break;
        pending.sentMs = nowMs;
        sent.add(pending);
        if (pending.turn === WAITING) waitersSent += 1;
        bytes += payloadBytes(pending.request);
        operations.push(operationOf(pending, nowMs));
      }
      return operations.length === 0 ? undefined : operations;
    },
    answered(id) {
      const pending = sent.remove(id);
      if (pending?.turn === WAITING) waitersSent -= 1;
      return pending;
    },
    *all() {
      yield* sent.all();
      for (const fifo of turns) yield* fifo.all();
    },
    clear() {
      const all = [...this.all()];
      sent.clear();
      waitersSent = 0;
      for (const fifo of turns) fifo.clear();
      return all;
    },
  };
}

function operationOf({ id, name, request, deadlineMs }: Pending, nowMs: number): Operation {
  return {
    $typeName: 'onced.v1.Operation',
    id: BigInt(id),
    // 0 would mean no limit.
    timeoutMs: Math.max(1, Math.round(deadlineMs - nowMs)),
    operation: { case: name, value: request } as Operation['operation'],
  };
}

function payloadBytes(request: Pending['request']): number {
  if ('result' in request) return request.result.length;
  return 'data' in request ? request.data.length : 0;
}

interface Fifo {
  readonly size: number;
  push(pending: Pending): void;
  /** The first that still has a caller. */
  shift(): Pending | undefined;
  all(): Iterable<Pending>;
  clear(): void;
}

/** An array with a moving start: Array.shift moves every element once the array is long. */
function createFifo(): Fifo {
  let items: Pending[] = [];
  let start = 0;
  return {
    get size() {
      return items.length - start;
    },
    push(pending) {
      items.push(pending);
    },
    shift() {
      while (start < items.length) {
        const pending = items[start++];
        if (start === items.length) {
          items = [];
          start = 0;
        }
        if (pending?.isSettled === false) return pending;
      }
      return undefined;
    },
    all: () => items.slice(start),
    clear() {
      items = [];
      start = 0;
    },
  };
}
