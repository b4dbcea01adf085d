// The one path of every operation, by unary call or Session: run, turn what is thrown into an answer, count, log.

import { randomUUID } from 'node:crypto';
import type { MessageShape } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import type {
  BeginIntentRequestSchema,
  BeginIntentResponseSchema,
  CheckpointRequestSchema,
  CheckpointResponseSchema,
  CompleteRequestSchema,
  CompleteResponseSchema,
  FailRequestSchema,
  FailResponseSchema,
  GetServerInfoRequestSchema,
  GetServerInfoResponseSchema,
  LookupRequestSchema,
  LookupResponseSchema,
  RenewRequestSchema,
  RenewResponseSchema,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { StoreError } from '../../storage/contract/index.ts';
import type { CallContext, Engine } from '../context.ts';
import { CallOver, Rejection, rejectionOfStoreError } from '../errors.ts';
import { keyHash } from '../log.ts';
import { beginIntent } from './begin.ts';
import { checkpoint, renew } from './keep.ts';
import { getServerInfo, lookup } from './look.ts';
import { complete, fail } from './settle.ts';

interface Operations {
  readonly beginIntent: [typeof BeginIntentRequestSchema, typeof BeginIntentResponseSchema];
  readonly complete: [typeof CompleteRequestSchema, typeof CompleteResponseSchema];
  readonly fail: [typeof FailRequestSchema, typeof FailResponseSchema];
  readonly renew: [typeof RenewRequestSchema, typeof RenewResponseSchema];
  readonly checkpoint: [typeof CheckpointRequestSchema, typeof CheckpointResponseSchema];
  readonly lookup: [typeof LookupRequestSchema, typeof LookupResponseSchema];
  readonly getServerInfo: [typeof GetServerInfoRequestSchema, typeof GetServerInfoResponseSchema];
}

export type OperationName = keyof Operations;
export type RequestOf<Name extends OperationName> = MessageShape<Operations[Name][0]>;
export type ResponseOf<Name extends OperationName> = MessageShape<Operations[Name][1]>;

type Handlers = {
  readonly [Name in OperationName]: (
    engine: Engine,
    request: RequestOf<Name>,
    call: CallContext,
  ) => Promise<ResponseOf<Name>>;
};

/** Every operation that the engine knows. */
export const handlers: Handlers = { beginIntent, complete, fail, renew, checkpoint, lookup, getServerInfo };

export type Answer<Response> =
  { readonly ok: true; readonly response: Response } | { readonly ok: false; readonly error: Rejection | CallOver };

export interface Execution<Name extends OperationName> {
  readonly name: Name;
  readonly request: RequestOf<Name>;
  readonly call: CallContext;
}

/** Never rejects: whatever happens, the caller gets an answer. */
export async function execute<Name extends OperationName>(
  engine: Engine,
  log: Logger,
  { name, request, call }: Execution<Name>,
): Promise<Answer<ResponseOf<Name>>> {
  const startMs = performance.now();
  const fields: Partial<LoggedFields> & object = request;
  try {
    const response = await handlers[name](engine, request, call);
    engine.metrics.request(name, fields.namespace ?? '', outcomeOf(response), performance.now() - startMs);
    return { ok: true, response };
  } catch (thrown) {
    const error = answerable(thrown, log);
    const outcome = error instanceof Rejection ? error.reason : 'CANCELLED';
    engine.metrics.request(name, fields.namespace ?? '', outcome, performance.now() - startMs);
    if (error instanceof Rejection) logRejection(log, name, error, fields);
    return { ok: false, error };
  }
}

interface LoggedFields {
  readonly namespace: string;
  readonly key: string;
}

/** What the figures call a good answer: the case of a begin, a repeat, or ok. */
function outcomeOf(response: object): string {
  if ('outcome' in response) {
    const { outcome } = response as ResponseOf<'beginIntent'>;
    return outcome.case ?? 'ok';
  }
  return 'alreadyApplied' in response && response.alreadyApplied === true ? 'already_applied' : 'ok';
}

function answerable(thrown: unknown, log: Logger): Rejection | CallOver {
  if (thrown instanceof Rejection || thrown instanceof CallOver) return thrown;
  if (thrown instanceof StoreError) return rejectionOfStoreError(thrown);
  const requestId = randomUUID();
  log.error({ err: thrown, requestId }, 'internal error');
  return new Rejection('INTERNAL', `internal error; the server's log has it under request id ${requestId}`, {
    metadata: { request_id: requestId },
  });
}

function logRejection(log: Logger, name: string, error: Rejection, fields: Partial<LoggedFields>): void {
  const level = error.reason === 'STORE_UNAVAILABLE' ? 'warn' : 'info';
  if (!log.isLevelEnabled(level)) return;
  log[level](
    {
      rpc: name,
      reason: error.reason,
      namespace: fields.namespace,
      keyHash: keyHash(fields.key ?? ''),
      why: error.message,
      cause: error.detail.cause instanceof Error ? causeOf(error.detail.cause) : undefined,
    },
    'rejected',
  );
}

const causeOf = (error: Error): string =>
  error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
