import type { StoreErrorKind } from '../storage/contract/index.ts';
export interface Metrics {
  request(rpc: string, namespace: string, outcome: string, durationMs: number): void;
  storeVerb(verb: string, outcome: 'ok' | StoreErrorKind, durationMs: number): void;
  intentToOutcome(namespace: string, durationMs: number): void;
  suspectedDuplicate(namespace: string, cause: 'late_complete' | 'degraded_conflict'): void;
  lateRetry(namespace: string): void;
  waiters(change: 1 | -1): void;
  session(change: 1 | -1): void;
  inFlight(change: number): void;
}
export function createMetrics(): Metrics {
  const nothing = (): void => undefined;
  return {
    request: nothing,
    storeVerb: nothing,
    intentToOutcome: nothing,
    suspectedDuplicate: nothing,
    lateRetry: nothing,
    waiters: nothing,
    session: nothing,
    inFlight: nothing,
  };
}
