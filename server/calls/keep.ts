// Renew and Checkpoint: a holder keeps its lease, and may save bytes for whoever attempts next.

import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  CheckpointResponseSchema,
  RenewResponseSchema,
  type CheckpointRequest,
  type CheckpointResponse,
  type RenewRequest,
  type RenewResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import type { DurationMs } from '../../storage/contract/index.ts';
import { assertNotOver, type CallContext, type Engine } from '../context.ts';
import { limits } from '../limits.ts';
import { instant } from '../messages.ts';
import { readBytes, readDuration, Violations } from '../validate.ts';
import { atStoreOrJournal, readHolder, untilDecided, type Holder, type Settled } from './holder.ts';
import { isReconciler } from './reconciler.ts';

export async function renew(engine: Engine, request: RenewRequest, call: CallContext): Promise<RenewResponse> {
  const violations = new Violations();
  const holder = readHolder(engine, request, violations);
  const leaseMs = readLease(request, holder, violations);
  violations.check();
  assertNotOver(call);
  const { outage } = engine;
  // An attempt of before the outage cannot be renewed without the store; one that began here can.
  const at = (outage.isKeeping() ? await outage.standing(engine, holder) : undefined) ?? engine;
  return create(RenewResponseSchema, await extend(at, holder, { leaseMs, checkpoint: undefined }));
}

export async function checkpoint(
  engine: Engine,
  request: CheckpointRequest,
  call: CallContext,
): Promise<CheckpointResponse> {
  const violations = new Violations();
  const holder = readHolder(engine, request, violations);
  const leaseMs = readLease(request, holder, violations);
  const data = readBytes({ field: 'data', value: request.data, bytesMax: limits.checkpointBytesMax }, violations);
  violations.check();
  assertNotOver(call);
  const save = async (at: Engine): Promise<object> => extend(at, holder, { leaseMs, checkpoint: data });
  const { value, journaled } = await atStoreOrJournal(engine, holder, save);
  return create(CheckpointResponseSchema, { ...value, journaled });
}

function readLease(
  request: RenewRequest | CheckpointRequest,
  holder: Holder,
  violations: Violations,
): Holder['policy']['leaseMs'] {
  const { policy } = holder;
  const bounds = { field: 'lease', value: request.lease, msMin: limits.leaseMsMin, msMax: policy.leaseMsMax };
  return readDuration(bounds, violations) ?? policy.leaseMs;
}

interface Extension {
  readonly leaseMs: Holder['policy']['leaseMs'];
  readonly checkpoint: Uint8Array | undefined;
}

async function extend(engine: Engine, holder: Holder, { leaseMs, checkpoint }: Extension): Promise<object> {
  const { policy, leaseToken, id } = holder;
  const write = async (orphanTtlMs: DurationMs | undefined): Promise<Settled> =>
    untilDecided({ leaseToken, settleDigest: undefined, onLeaseExpiry: policy.onLeaseExpiry }, () =>
      engine.store.extend({
        ...id,
        guard: { kind: 'token', leaseToken },
        leaseMs,
        holdMsMax: policy.holdMsMax,
        orphanTtlMs,
        graceMs: policy.lateRetryGraceMs,
        checkpoint,
      }),
    );
  const isHold = policy.onLeaseExpiry === 'HOLD';
  let extended = await write(isHold ? policy.orphanTtlMs : undefined);
  // What a reconciler lets go of waits as long as before it came. Only the record tells who it is.
  if (!isHold && isReconciler(extended.record)) extended = await write(policy.orphanTtlMs);
  const { record, nowMs } = extended;
  engine.waiters.watchLease(record, record.leaseExpireMs - nowMs);
  engine.watchers.changed(record);
  return {
    leaseExpireTime: instant(record.leaseExpireMs),
    leaseRemaining: durationFromMs(Math.max(0, record.leaseExpireMs - nowMs)),
    expireTime: instant(record.expireMs),
  };
}
