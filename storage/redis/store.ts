// The Redis store: each verb of the contract as one script on one slot. What a script decides is in lua/; here it is only
// asked and answered.

import {
  isHeld,
  settledState,
  type Guard,
  type RecordId,
  type Settlement,
  type Store,
  type StoreDescription,
  type VerbOptions,
  type Written,
} from '../contract/index.ts';
import type { Changes } from './changes.ts';
import { compact } from './compact.ts';
import { runOnRecord, startVerb, type Context } from './context.ts';
import { storeErrorOf } from './errors.ts';
import { list } from './list.ts';
import { asBuffer, packClaim, packError, packOutcome, stateCode } from './pack.ts';
import { createRedisRegistry } from './registry.ts';
import { scripts } from './scripts.ts';
import { stats } from './stats.ts';

export interface RedisStoreParts {
  readonly context: Context;
  readonly changes: Changes;
  readonly description: StoreDescription;
  /** Rejects with StoreError while the store cannot do its job. */
  readonly ping: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export function createRedisStore({ context, changes, description, ping, close }: RedisStoreParts): Store {
  const { touch } = context;

  return {
    description,
    registry: createRedisRegistry(context),

    async claim(request, options) {
      const now = startVerb(options);
      const reply = await runOnRecord(context, {
        script: scripts.claim,
        id: request,
        writes: true,
        args: ({ id }) => [
          now,
          touch,
          id,
          request.namespace,
          String(request.expected),
          request.leaseToken,
          packClaim(request),
          request.leaseMs,
          request.orphanTtlMs,
          request.retention.ttlMs,
          request.retention.graceMs,
        ],
      });
      return { ...reply, replacedExpired: reply.applied && reply.record?.attemptOrigin === 'LATE_RETRY' };
    },

    async extend(request, options) {
      const now = startVerb(options);
      const { checkpoint } = request;
      return runOnRecord(context, {
        script: scripts.extend,
        id: request,
        writes: true,
        args: ({ id }) => [
          now,
          touch,
          id,
          ...guardArguments(request.guard),
          request.leaseMs ?? '',
          request.holdMsMax,
          request.orphanTtlMs ?? '',
          request.graceMs,
          checkpoint === undefined ? '0' : '1',
          checkpoint === undefined ? '' : asBuffer(checkpoint),
        ],
      });
    },

    async settle(request, options) {
      const now = startVerb(options);
      const { settlement } = request;
      const written = await runOnRecord(context, {
        script: scripts.settle,
        id: request,
        writes: true,
        args: ({ id }) => [
          now,
          touch,
          id,
          ...guardArguments(request.guard),
          stateCode(settledState(settlement)),
          request.ttlMs ?? '',
          request.graceMs,
          packOutcome(request),
          settlement.kind === 'completed' ? '' : packError(settlement.error),
          settledDuration(settlement),
          settlement.kind === 'completed' ? asBuffer(settlement.result) : '',
        ],
      });
      tell(request, written, settlement.kind !== 'released');
      return written;
    },

    async read(request, options) {
      const now = startVerb(options);
      const { nowMs, record } = await runOnRecord(context, {
        script: scripts.read,
        id: request,
        writes: false,
        args: () => [now, touch, request.includeResult ? '1' : '0'],
      });
      return { nowMs, record: request.includeResult || record === undefined ? record : { ...record, result: undefined } };
    },

    list: (request, options) => verb(options, false, (now) => list(context, request, now)),
    compact: (request, options) => verb(options, true, (now) => compact(context, request, now)),
    stats: (options) => verb(options, false, (now) => stats(context, now)),

    async remove(request, options) {
      const now = startVerb(options);
      const name = context.keys.nameOf(request);
      const isRemoved = await guarded(true, () =>
        context.router.run(name.shard.slot, {
          script: scripts.remove,
          keys: [...name.shard.sets, name.key],
          args: [now, name.id, request.revision, request.force ? '1' : '0'],
        }),
      );
      if (isRemoved === 1) changes.tell({ ...idOf(request), settled: false });
      return isRemoved === 1;
    },

    async ping(options) {
      startVerb(options);
      await ping();
    },

    onRemoteChange: (listener) => changes.listen(listener),
    close,
  };

  function tell(id: RecordId, { applied, record }: Written, settled: boolean): void {
    if (applied && record !== undefined && !(isHeld(record.state) && record.state === 'IN_PROGRESS')) {
      changes.tell({ ...idOf(id), settled });
    }
  }
}

const idOf = ({ namespace, key }: RecordId): RecordId => ({ namespace, key });

const guardArguments = (guard: Guard): readonly [token: string, revision: number | ''] =>
  guard.kind === 'token' ? [guard.leaseToken, ''] : ['', guard.revision];

function settledDuration(settlement: Settlement): number | '' {
  if (settlement.kind === 'completed') return settlement.resultTtlMs;
  return settlement.kind === 'released' ? settlement.retryAfterMs : '';
}

async function verb<T>(options: VerbOptions | undefined, writes: boolean, run: (now: string) => Promise<T>): Promise<T> {
  const now = startVerb(options);
  return guarded(writes, () => run(now));
}

async function guarded<T>(writes: boolean, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw storeErrorOf(error, { writes });
  }
}
