// Lookup and GetServerInfo: calls that write nothing.

import { create } from '@bufbuild/protobuf';
import {
  GetServerInfoResponseSchema,
  LookupResponseSchema,
  type GetServerInfoRequest,
  type GetServerInfoResponse,
  type LookupRequest,
  type LookupResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { timestampNow } from '@bufbuild/protobuf/wkt';
import { isExpired } from '../../storage/contract/index.ts';
import { assertNotOver, type CallContext, type Engine } from '../context.ts';
import { Rejection } from '../errors.ts';
import { limits } from '../limits.ts';
import { recordMessage } from '../messages.ts';
import { readKey, readNamespace, Violations } from '../validate.ts';
import { CAPABILITIES, VERSION } from '../version.ts';

export async function lookup(engine: Engine, request: LookupRequest, call: CallContext): Promise<LookupResponse> {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  const key = readKey(request.key, violations);
  violations.check();
  assertNotOver(call);
  const { record, nowMs } = await engine.store.read({ namespace, key, includeResult: request.includeResult });
  if (record === undefined || isExpired(record, nowMs)) {
    throw new Rejection('INTENT_NOT_FOUND', 'there is no record of this key, or it has expired');
  }
  const view = { withResult: request.includeResult, withCheckpoint: true };
  return create(LookupResponseSchema, { record: recordMessage(record, nowMs, view) });
}

export async function getServerInfo(engine: Engine, _request: GetServerInfoRequest): Promise<GetServerInfoResponse> {
  const { kind, tier, acknowledged } = engine.store.description;
  return create(GetServerInfoResponseSchema, {
    version: VERSION,
    capabilities: [...CAPABILITIES],
    store: kind,
    tier,
    acknowledged,
    serverTime: timestampNow(),
    requestBytesMax: BigInt(limits.requestBytesMax),
    sessionInFlightMax: limits.sessionInFlightMax,
  });
}
