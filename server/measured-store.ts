// A store whose verbs are timed and counted: a wrapper, so that no store knows of figures.

import {
  StoreError,
  type ClaimRequest,
  type CompactRequest,
  type ExtendRequest,
  type ListRequest,
  type ReadRequest,
  type RemoveRequest,
  type SettleRequest,
  type Store,
  type VerbOptions,
} from '../storage/contract/index.ts';
import type { Metrics } from './metrics.ts';

/** `onRecordVerb` hears how long each verb on one record took that was answered. */
export function measuredStore(
  store: Store,
  metrics: Pick<Metrics, 'storeVerb'>,
  onRecordVerb: (durationMs: number) => void = () => undefined,
): Store {
  // Without async functions: each would be one more promise for every verb of every call.
  const measured = <Request, Result>(
    verb: string,
    call: (request: Request, options?: VerbOptions) => Promise<Result>,
  ): ((request: Request, options?: VerbOptions) => Promise<Result>) => {
    const isRecordVerb = RECORD_VERBS.has(verb);
    return (request, options) => {
      const startMs = performance.now();
      return call(request, options).then(
        (result) => {
          const durationMs = performance.now() - startMs;
          metrics.storeVerb(verb, 'ok', durationMs);
          if (isRecordVerb) onRecordVerb(durationMs);
          return result;
        },
        (error: unknown) => {
          const outcome = error instanceof StoreError ? error.kind : 'unavailable';
          metrics.storeVerb(verb, outcome, performance.now() - startMs);
          throw error;
        },
      );
    };
  };
  const stats = measured('stats', (_: undefined, options?: VerbOptions) => store.stats(options));
  const ping = measured('ping', (_: undefined, options?: VerbOptions) => store.ping(options));
  return {
    description: store.description,
    registry: store.registry,
    claim: measured<ClaimRequest, Awaited<ReturnType<Store['claim']>>>('claim', (request, options) =>
      store.claim(request, options),
    ),
    extend: measured<ExtendRequest, Awaited<ReturnType<Store['extend']>>>('extend', (request, options) =>
      store.extend(request, options),
    ),
    settle: measured<SettleRequest, Awaited<ReturnType<Store['settle']>>>('settle', (request, options) =>
      store.settle(request, options),
    ),
    read: measured<ReadRequest, Awaited<ReturnType<Store['read']>>>('read', (request, options) =>
      store.read(request, options),
    ),
    list: measured<ListRequest, Awaited<ReturnType<Store['list']>>>('list', (request, options) =>
      store.list(request, options),
    ),
    remove: measured<RemoveRequest, Awaited<ReturnType<Store['remove']>>>('remove', (request, options) =>
      store.remove(request, options),
    ),
    compact: measured<CompactRequest, Awaited<ReturnType<Store['compact']>>>('compact', (request, options) =>
      store.compact(request, options),
    ),
    stats: (options) => stats(undefined, options),
    ping: (options) => ping(undefined, options),
    onRemoteChange: (listener) => store.onRemoteChange(listener),
    close: () => store.close(),
  };
}

const RECORD_VERBS: ReadonlySet<string> = new Set(['claim', 'extend', 'settle', 'read']);
