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
  const measured = <Arguments extends unknown[], Result>(
    verb: string,
    call: (...args: Arguments) => Promise<Result>,
  ): ((...args: Arguments) => Promise<Result>) => {
    const isRecordVerb = RECORD_VERBS.has(verb);
    return async (...args) => {
      const startMs = performance.now();
      try {
        const result = await call(...args);
        const durationMs = performance.now() - startMs;
        metrics.storeVerb(verb, 'ok', durationMs);
        if (isRecordVerb) onRecordVerb(durationMs);
        return result;
      } catch (error) {
        metrics.storeVerb(verb, error instanceof StoreError ? error.kind : 'unavailable', performance.now() - startMs);
        throw error;
      }
    };
  };
  return {
    description: store.description,
    registry: store.registry,
    claim: measured('claim', (request: ClaimRequest, options?: VerbOptions) => store.claim(request, options)),
    extend: measured('extend', (request: ExtendRequest, options?: VerbOptions) => store.extend(request, options)),
    settle: measured('settle', (request: SettleRequest, options?: VerbOptions) => store.settle(request, options)),
    read: measured('read', (request: ReadRequest, options?: VerbOptions) => store.read(request, options)),
    list: measured('list', (request: ListRequest, options?: VerbOptions) => store.list(request, options)),
    remove: measured('remove', (request: RemoveRequest, options?: VerbOptions) => store.remove(request, options)),
    compact: measured('compact', (request: CompactRequest, options?: VerbOptions) => store.compact(request, options)),
    stats: measured('stats', (options?: VerbOptions) => store.stats(options)),
    ping: measured('ping', (options?: VerbOptions) => store.ping(options)),
    onRemoteChange: (listener) => store.onRemoteChange(listener),
    close: () => store.close(),
  };
}

const RECORD_VERBS: ReadonlySet<string> = new Set(['claim', 'extend', 'settle', 'read']);
