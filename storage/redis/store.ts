// The Redis store: each verb of the contract as a script. What a script decides is in lua/; here it is asked and answered.

import {
  settledState,
  type Guard,
  type RecordId,
  type Settlement,
  type Store,
  type StoreDescription,
  type VerbOptions,
} from '../contract/index.ts';
import type { Changes } from './changes.ts';
import { compact } from './compact.ts';
import { operate, startVerb, type Context } from './context.ts';
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
  return {
    description,
    registry: createRedisRegistry(context),

    async claim(request, options) {
      const { retention } = request;
      const answer = await operate(context, {
        script: scripts.claim,
        record: request,
        now: startVerb(options),
        writes: true,
        args: (id) => [
          id,
          request.namespace,
          String(request.expected),
          request.leaseToken,
          packClaim(request),
          String(request.leaseMs),
          String(request.orphanTtlMs),
          String(retention.ttlMs),
          String(retention.graceMs),
        ],
      });
      return { ...answer, replacedExpired: answer.applied && answer.record?.attemptOrigin === 'LATE_RETRY' };
    },

    async extend(request, options) {
      const { checkpoint } = request;
      return operate(context, {
        script: scripts.extend,
        record: request,
        now: startVerb(options),
        writes: true,
        args: (id) => [
          id,
          ...guardArguments(request.guard),
          String(request.leaseMs ?? ''),
          String(request.holdMsMax),
          String(request.orphanTtlMs ?? ''),
          String(request.graceMs),
          checkpoint === undefined ? '0' : '1',
          checkpoint === undefined ? '' : asBuffer(checkpoint),
        ],
      });
    },

    async settle(request, options) {
      const { settlement } = request;
      const answer = await operate(context, {
        script: scripts.settle,
        record: request,
        now: startVerb(options),
        writes: true,
        args: (id) => [
          id,
          ...guardArguments(request.guard),
          String(stateCode(settledState(settlement))),
          String(request.ttlMs ?? ''),
          String(request.graceMs),
          packOutcome(request),
          settlement.kind === 'completed' ? '' : packError(settlement.error),
          settledTime(settlement),
          settlement.kind === 'completed' ? asBuffer(settlement.result) : '',
        ],
      });
      if (answer.applied) changes.tell({ ...idOf(request), settled: settlement.kind !== 'released' });
      return answer;
    },

    async read(request, options) {
      const { nowMs, record } = await operate(context, {
        script: scripts.read,
        record: request,
        now: startVerb(options),
        writes: false,
        args: () => [request.includeResult ? '1' : '0'],
      });
      return {
        nowMs,
        record: request.includeResult || record === undefined ? record : { ...record, result: undefined },
      };
    },

    async remove(request, options) {
      const { applied } = await operate(context, {
        script: scripts.remove,
        record: request,
        now: startVerb(options),
        writes: true,
        args: (id) => [id, String(request.revision), request.force ? '1' : '0'],
      });
      if (applied) changes.tell({ ...idOf(request), settled: false });
      return applied;
    },

    list: (request, options) => guarded(options, false, (now) => list(context, request, now)),
    compact: (request, options) => guarded(options, true, (now) => compact(context, request, now)),
    stats: (options) => guarded(options, false, (now) => stats(context, now)),
    ping: (options) => guarded(options, false, ping),
    onRemoteChange: (listener) => changes.listen(listener),
    close,
  };
}

const idOf = ({ namespace, key }: RecordId): RecordId => ({ namespace, key });

const guardArguments = (guard: Guard): readonly [token: string, revision: string] =>
  guard.kind === 'token' ? [guard.leaseToken, ''] : ['', String(guard.revision)];

function settledTime(settlement: Settlement): string {
  if (settlement.kind === 'completed') return String(settlement.resultTtlMs);
  return settlement.kind === 'released' ? String(settlement.retryAfterMs) : '';
}

/** A verb of many scripts: what it rejects with is a StoreError. */
async function guarded<T>(
  options: VerbOptions | undefined,
  writes: boolean,
  run: (now: string) => Promise<T>,
): Promise<T> {
  const now = startVerb(options);
  try {
    return await run(now);
  } catch (error) {
    throw storeErrorOf(error, { writes });
  }
}
