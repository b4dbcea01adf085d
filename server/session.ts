// Session: the hot path. The same operations as the unary calls, many to a message each way. What is read is bounded by
// what is unanswered, what is unanswered by what the caller reads: HTTP/2 flow control does the rest.

import { setMaxListeners } from 'node:events';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import {
  SessionRequestSchema,
  SessionResponseSchema,
  type Operation,
  type OperationResult,
} from '../proto/gen/onced/v1/idempotency_pb.js';
import { readerOf, writerOf } from '../proto/codec.ts';
import { identifyAgainOf, stillIdentified } from './auth/still-identified.ts';
import type { CallContext } from './context.ts';
import { invalidFields, Rejection, statusOf } from './errors.ts';
import { answerable, execute, type Answer, type Answering } from './execute.ts';
import { assertTakeable, breakOff, evidenceOf, MalformedRequest } from './grpc-calls.ts';
import { limits } from './limits.ts';
import { readRefusing, type PackReader } from './session-pack.ts';
import { idempotencyOperations, type UnaryOperation } from './operations.ts';
import type { Evidence, Identify, Principal } from './principal.ts';

/** Bytes both ways: the messages are read and written here, since under load not all of one is read. */
type Stream = ServerDuplexStream<Buffer, Buffer>;
type Result = OperationResult['result'];

export interface Sessions {
  readonly handler: (stream: Stream) => void;
  /** Every session (of this peer) answers what it has read, then ends. */
  drain(peer?: string): void;
}

interface SessionOptions extends Answering {
  readonly identify: Identify;
}

export function createSessions(options: SessionOptions): Sessions {
  const { engine, log } = options;
  /** The way to end each, and its peer. */
  const open = new Map<() => void, string>();
  const openSession = async (stream: Stream): Promise<void> => {
    assertTakeable(stream.metadata);
    // Read now: it is looked at again as long as the session lasts.
    const evidence = evidenceOf(stream);
    const session = { ...options, stream, evidence, principal: await options.identify(evidence) };
    const drain = runSession(session, () => {
      open.delete(drain);
      engine.metrics.session(-1);
    });
    open.set(drain, evidence.peer);
    engine.metrics.session(1);
  };
  return {
    handler(stream) {
      openSession(stream).catch((error: unknown) => breakOff(stream, answerable(error, log)));
    },
    drain(peer) {
      for (const [drainSession, from] of open) if (peer === undefined || peer === from) drainSession();
    },
  };
}

interface Session extends SessionOptions {
  readonly stream: Stream;
  readonly evidence: Evidence;
  readonly principal: Principal;
}

/** Serves one stream; returns the way to end it in good order. */
function runSession(session: Session, onClosed: () => void): () => void {
  const { engine, log, stream } = session;
  let { principal } = session;
  const hangUp = new AbortController();
  // Every waiting begin of the stream listens.
  setMaxListeners(0, hangUp.signal);
  let ready: OperationResult[] = [];
  let unanswered = 0;
  let isFlushing = false;
  let isBlocked = false;
  let isEnding = false;
  let isClosed = false;

  /** False when no more should be written for now. */
  const write = (bytes: Buffer): boolean => {
    isBlocked = !stream.write(bytes);
    return !isBlocked;
  };

  const flush = (): void => {
    isFlushing = false;
    if (isClosed || isBlocked) return;
    for (let isRoom = true; ready.length > 0 && isRoom;) {
      const count = countFitting(ready);
      const results = count === ready.length ? ready : ready.slice(0, count);
      ready = count === ready.length ? [] : ready.slice(count);
      unanswered -= results.length;
      engine.metrics.inFlight(-results.length);
      isRoom = write(responseBytes({ $typeName: 'onced.v1.SessionResponse', results }));
    }
    const mayResume = !isBlocked && !isEnding && unanswered < limits.sessionInFlightMax / 2;
    if (mayResume && stream.isPaused()) stream.resume();
    if (isEnding && unanswered === 0) stream.end();
  };

  const answer = (id: bigint, result: Result): void => {
    ready.push({ $typeName: 'onced.v1.OperationResult', id, result });
    if (isFlushing) return;
    isFlushing = true;
    // After this turn's promises: a store that commits a batch resolves many operations in one turn.
    setImmediate(flush);
  };

  const begin = (operation: Operation): void => {
    unanswered += 1;
    engine.metrics.inFlight(1);
    const { id } = operation;
    const { case: name, value: request } = operation.operation;
    if (name === undefined) {
      answer(id, errorResult(invalidFields([{ field: 'operation', description: 'is required' }])));
    } else if (unanswered > limits.sessionInFlightMax && (name === 'beginIntent' || name === 'lookup')) {
      // Holders go on: refusing one may cost a duplicate, and the message that brings them is bounded by itself.
      answer(id, errorResult(tooMany()));
    } else {
      const call = contextOf(operation, hangUp.signal, principal);
      const known: UnaryOperation = idempotencyOperations[name satisfies keyof Operations];
      void execute({ engine, log }, known, { name, request, call }).then((answered) =>
        answer(id, resultOf(name, answered)),
      );
    }
  };

  const stopIdentifying = stillIdentified(identifyAgainOf(session.identify, session.evidence), {
    onKnown: (again) => (principal = again),
    onRefused: (error) => breakOff(stream, answerable(error, log)),
  });

  const end = (): void => {
    isEnding = true;
    stream.pause();
    if (unanswered === 0) stream.end();
  };

  const refuse: PackReader['refuse'] = (load, namespace, rpc) => {
    const rejection = engine.admission.refuseEarly(load, namespace);
    if (rejection !== undefined) engine.metrics.request(rpc, namespace, rejection.reason, 0);
    return rejection;
  };

  const read = (bytes: Buffer): void => {
    if (engine.admission.isTight()) {
      const refusals = readRefusing(bytes, { refuse, take: begin });
      if (refusals !== undefined && !isClosed) write(refusals);
    } else {
      for (const operation of readRequest(bytes).operations) begin(operation);
    }
  };

  stream.on('data', (bytes: Buffer) => {
    try {
      read(bytes);
    } catch (error) {
      breakOff(stream, new MalformedRequest(error).rejection);
    }
    if (unanswered >= limits.sessionInFlightMax || isBlocked) stream.pause();
  });
  stream.on('drain', () => {
    isBlocked = false;
    flush();
  });
  stream.on('end', end);
  stream.on('cancelled', () => hangUp.abort());
  stream.on('error', (error) => log.debug({ err: error }, 'session broke'));
  stream.once('close', () => {
    isClosed = true;
    stopIdentifying();
    hangUp.abort();
    engine.metrics.inFlight(-unanswered);
    onClosed();
  });
  return end;
}

const readRequest = readerOf(SessionRequestSchema);
const responseBytes = writerOf(SessionResponseSchema);

type Operations = typeof idempotencyOperations;
type Packed = Exclude<Operation['operation'], { case: undefined }>;

const resultOf = (name: Packed['case'], answer: Answer): Result =>
  answer.ok ? ({ case: name, value: answer.response } as Result) : errorResult(answer.error);

const errorResult = (error: Parameters<typeof statusOf>[0]): Result => ({ case: 'error', value: statusOf(error) });

function contextOf(operation: Operation, signal: AbortSignal, principal: Principal): CallContext {
  const deadlineMs = operation.timeoutMs === 0 ? undefined : performance.now() + operation.timeoutMs;
  return { deadlineMs, signal, principal };
}

const tooMany = (): Rejection =>
  new Rejection('OVERLOADED', `at most ${limits.sessionInFlightMax} operations of a session may be unanswered`, {
    retryAfterMs: limits.retryAfterMsHintMin,
  });

/** Bytes of results in one message, so that a client with the usual 4 MiB limit can read it. */
const RESULT_BYTES_PER_MESSAGE = 1024 * 1024;

/** How many results from the front go into one message: at least one. */
function countFitting(results: readonly OperationResult[]): number {
  let bytes = 0;
  const over = results.findIndex(({ result }) => {
    bytes += payloadBytes(result);
    return bytes > RESULT_BYTES_PER_MESSAGE;
  });
  return over === -1 ? results.length : Math.max(1, over);
}

function payloadBytes(result: OperationResult['result']): number {
  if (result.case === 'beginIntent') {
    const { outcome } = result.value;
    return outcome.case === 'completed' ? outcome.value.result.length : 0;
  }
  return result.case === 'lookup' ? (result.value.record?.result?.length ?? 0) : 0;
}
