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
  readonly isConnected: () => boolean;
  readonly close: () => Promise<void>;
}

export function createRedisStore({ context, changes, description, ping, isConnected, close }: RedisStoreParts): Store {
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
          terms(request.expected, request.leaseMs, request.orphanTtlMs, retention.ttlMs, retention.graceMs),
          request.namespace,
          request.leaseToken,
          packClaim(request),
        ],
        known: { claim: request },
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
          terms(revisionOf(request.guard), request.leaseMs, request.holdMsMax, request.orphanTtlMs, request.graceMs),
          tokenOf(request.guard),
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
          terms(
            revisionOf(request.guard),
            stateCode(settledState(settlement)),
            request.ttlMs,
            request.graceMs,
            settledTime(settlement),
          ),
          tokenOf(request.guard),
          packOutcome(request),
          settlement.kind === 'completed' ? '' : packError(settlement.error),
          settlement.kind === 'completed' ? asBuffer(settlement.result) : '',
        ],
        known: { settle: request },
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
    isConnected,
    onRemoteChange: (listener) => changes.listen(listener),
    close,
  };
}

const idOf = ({ namespace, key }: RecordId): RecordId => ({ namespace, key });

/** As `terms` in lua/record.lua reads them. */
const terms = (...values: readonly (number | string | undefined)[]): string =>
  values.reduce<string>((text, value) => `${text}${value ?? ''},`, '');

const tokenOf = (guard: Guard): string => (guard.kind === 'token' ? guard.leaseToken : '');
const revisionOf = (guard: Guard): number | undefined => (guard.kind === 'token' ? undefined : guard.revision);

function settledTime(settlement: Settlement): number | undefined {
  if (settlement.kind === 'completed') return settlement.resultTtlMs;
  return settlement.kind === 'released' ? settlement.retryAfterMs : undefined;
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
