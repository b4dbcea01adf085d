// The one path of every operation, by unary call, stream, Session or HTTP: allow, run, turn what is thrown into an
// answer, count, log.

import { randomUUID } from 'node:crypto';
import { status as Code } from '@grpc/grpc-js';
import type { Message } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import { StoreError } from '../storage/contract/index.ts';
import type { AdmissionAsk } from './admission/admission.ts';
import { stillIdentified, type IdentifyAgain } from './auth/still-identified.ts';
import type { CallContext, Engine } from './context.ts';
import { CallOver, Rejection, rejectionOfStoreError } from './errors.ts';
import { limits } from './limits.ts';
import { keyHash } from './log.ts';
import { namedAsInProto } from './metrics.ts';
import type { StreamOperation, UnaryOperation } from './operations.ts';
import type { Verb } from './principal.ts';

export type Answer =
  { readonly ok: true; readonly response: Message } | { readonly ok: false; readonly error: Rejection | CallOver };

export interface Execution {
  /** Name of the RPC, for figures and log. */
  readonly name: string;
  readonly request: Message;
  readonly call: CallContext;
  /** For calls that last; undefined where that cannot change, or where somebody else asks it. */
  readonly identifyAgain?: IdentifyAgain | undefined;
}

export interface Answering {
  readonly engine: Engine;
  readonly log: Logger;
}

/** Never rejects: whatever happens, the caller gets an answer. */
export async function execute(
  { engine, log }: Answering,
  operation: UnaryOperation,
  { name, request, call, identifyAgain }: Execution,
): Promise<Answer> {
  const startMs = performance.now();
  const { admission } = engine;
  const fields: LoggedFields = request;
  try {
    authorize(call, operation.verb, fields.namespace ?? fields.filter?.namespace);
    const { load = 'admin' } = operation;
    const namespace = fields.namespace ?? '';
    const refusal = operation.refusal?.(engine, namespace);
    if (refusal !== undefined) throw refusal;
    if (load !== 'none' && admission.isTooLate(load, call.deadlineMs)) throw new CallOver(Code.DEADLINE_EXCEEDED);
    if (load !== 'none' && !admission.enter(load, namespace)) {
      await admission.queue({ load, namespace, call, refusal: () => operation.refusal?.(engine, namespace) });
    }
    try {
      const response = await operation.run(engine, request, call);
      // It may have waited for long.
      if (identifyAgain !== undefined && performance.now() - startMs > limits.identityMsMax) await identifyAgain();
      answered(engine, { name, fields, outcome: outcomeOf(response), startMs });
      return { ok: true, response };
    } finally {
      if (load !== 'none') admission.leave(load);
    }
  } catch (thrown) {
    const error = answerable(thrown, log);
    answered(engine, { name, fields, outcome: labelOf(error), startMs });
    if (error instanceof Rejection) logRejection(log, name, error, fields);
    return { ok: false, error };
  }
}

/** As `execute`, for a call with many answers. Throws Rejection or CallOver and nothing else. */
export async function* executeStream(
  { engine, log }: Answering,
  operation: StreamOperation,
  { name, request, call, identifyAgain }: Execution,
): AsyncGenerator<Message, void> {
  const startMs = performance.now();
  const fields: LoggedFields = request;
  const namespace = fields.namespace ?? '';
  const revoked = new AbortController();
  const signal = AbortSignal.any([revoked.signal, ...(call.signal === undefined ? [] : [call.signal])]);
  let refusal: unknown;
  const stopIdentifying = stillIdentified(identifyAgain, {
    onRefused(error) {
      refusal = error;
      revoked.abort();
    },
  });
  try {
    authorize(call, operation.verb, fields.namespace ?? fields.filter?.namespace);
    const leave = await enterStream(engine, { load: operation.load ?? 'admin', namespace, call });
    try {
      yield* operation.run(engine, request, { ...call, signal });
      if (refusal !== undefined) throw answerable(refusal, log);
    } finally {
      leave();
    }
    engine.metrics.request(name, namespace, 'ok', performance.now() - startMs);
  } catch (thrown) {
    const error = answerable(refusal ?? thrown, log);
    engine.metrics.request(name, namespace, labelOf(error), performance.now() - startMs);
    if (error instanceof Rejection) logRejection(log, name, error, fields);
    throw error;
  } finally {
    stopIdentifying();
  }
}

/** Admits a stream, and returns what to do at its end. It holds a place of its own sort, not one of the calls. */
async function enterStream({ admission }: Engine, ask: AdmissionAsk): Promise<() => void> {
  if (!admission.enter(ask.load, ask.namespace)) await admission.queue(ask);
  try {
    return admission.openStream(ask.load, ask.namespace);
  } finally {
    admission.leave(ask.load);
  }
}

/** Before anything else is looked at, so that a foreign caller learns nothing, not even by timing. */
function authorize(call: CallContext, verb: Verb | undefined, namespace: string | undefined): void {
  if (verb === undefined || call.principal.may(verb, namespace === '' ? undefined : namespace)) return;
  throw new Rejection('PERMISSION_DENIED', `these credentials may not ${verb} in this namespace`);
}

interface LoggedFields {
  readonly $typeName: string;
  readonly namespace?: string;
  readonly filter?: { readonly namespace: string };
  readonly key?: string;
  readonly owner?: string;
}

interface Answered {
  readonly name: string;
  readonly fields: LoggedFields;
  readonly outcome: string;
  readonly startMs: number;
}

/** Into the figures, and for those who follow, if it concerned one key. */
function answered({ metrics, tail }: Engine, { name, fields, outcome, startMs }: Answered): void {
  const { namespace = '', key = '', owner = '' } = fields;
  const tookMs = performance.now() - startMs;
  metrics.request(name, namespace, outcome, tookMs);
  if (key === '' || !tail.isFollowed()) return;
  // Of a refused request nothing has been checked, its sizes neither.
  tail.saw({
    ...namedAsInProto(name, outcome),
    timeMs: Date.now(),
    namespace: namespace.slice(0, limits.namespaceBytesMax),
    key: key.slice(0, limits.keyBytesMax),
    owner: owner.slice(0, limits.ownerBytesMax),
    tookMs,
  });
}

const labelOf = (error: Rejection | CallOver): string => (error instanceof Rejection ? error.reason : 'CANCELLED');

interface CountedFields {
  readonly $typeName: string;
  readonly outcome?: { readonly case?: string };
  readonly alreadyApplied?: boolean;
}

/** What the figures call a good answer: the case of a begin, a repeat, or ok. */
const outcomeOf = (response: CountedFields): string =>
  response.outcome?.case ?? (response.alreadyApplied === true ? 'already_applied' : 'ok');

/** What may be told of anything that was thrown. */
export function answerable(thrown: unknown, log: Logger): Rejection | CallOver {
  if (thrown instanceof Rejection || thrown instanceof CallOver) return thrown;
  if (thrown instanceof StoreError) return rejectionOfStoreError(thrown);
  const requestId = randomUUID();
  log.error({ err: thrown, requestId }, 'internal error');
  return new Rejection('INTERNAL', `internal error; the server's log has it under request id ${requestId}`, {
    metadata: { request_id: requestId },
  });
}

function logRejection(log: Logger, name: string, error: Rejection, fields: LoggedFields): void {
  // Admission says itself when it begins and ends to refuse; a line for each would be load of its own.
  if (error.reason === 'OVERLOADED') return;
  const level = error.reason === 'STORE_UNAVAILABLE' ? 'warn' : 'info';
  if (!log.isLevelEnabled(level) || !mayLog(log)) return;
  const facts = {
    rpc: name,
    reason: error.reason,
    namespace: fields.namespace,
    keyHash: fields.key === undefined ? undefined : keyHash(fields.key),
    why: error.message,
    cause: error.detail.cause instanceof Error ? causeOf(error.detail.cause) : undefined,
  };
  log[level](facts, 'rejected');
}

let second = 0;
let logged = 0;

/** A caller that is refused thousands of times a second fills neither the disk nor the processor with lines about it. */
function mayLog(log: Logger): boolean {
  const now = Math.floor(performance.now() / 1000);
  if (now !== second) {
    const dropped = logged - limits.rejectionsLoggedPerSecondMax;
    if (dropped > 0) log.info({ dropped }, 'rejections of an earlier second that were not logged');
    second = now;
    logged = 0;
  }
  logged += 1;
  return logged <= limits.rejectionsLoggedPerSecondMax;
}

const causeOf = (error: Error): string =>
  error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
