// WatchIntent: follows a key from what it is now to its outcome.

import { create } from '@bufbuild/protobuf';
import {
  WatchIntentResponseSchema,
  type WatchIntentRequest,
  type WatchIntentResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { isOutcome, isExpired } from '../../storage/contract/index.ts';
import type { CallContext, Engine } from '../context.ts';
import { Rejection } from '../errors.ts';
import { recordMessage, stateOf } from '../messages.ts';
import { readKey, readNamespace, Violations } from '../validate.ts';

export async function* watchIntent(
  engine: Engine,
  request: WatchIntentRequest,
  call: CallContext,
): AsyncGenerator<WatchIntentResponse, void> {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  const key = readKey(request.key, violations);
  violations.check();
  let shown = '';
  for await (const { record, nowMs } of engine.watchers.watch({ namespace, key }, call.signal)) {
    if (record === undefined || isExpired(record, nowMs)) {
      throw new Rejection('INTENT_NOT_FOUND', 'there is no record of this key, or it has expired');
    }
    const state = stateOf(record, nowMs);
    const seen = `${record.revision}:${state}`;
    if (seen === shown) continue;
    shown = seen;
    const final = isOutcome(record);
    const view = { withResult: final, withCheckpoint: false };
    yield create(WatchIntentResponseSchema, { record: recordMessage(record, nowMs, view), final });
    if (final) return;
  }
}
