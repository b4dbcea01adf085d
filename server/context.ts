// What an operation knows of the call that it came by, and what it may use. One shape for unary calls and Session.

import { status as Code } from '@grpc/grpc-js';
import type { Store } from '../storage/contract/index.ts';
import type { Admission } from './admission/admission.ts';
import type { ApiKeys } from './auth/api-keys.ts';
import type { Audit } from './audit.ts';
import type { Compaction } from './compaction.ts';
import { CallOver } from './errors.ts';
import type { IssuedKeys } from './issued-keys.ts';
import type { Metrics } from './metrics.ts';
import type { Namespaces } from './namespaces.ts';
import type { Outage } from './outage.ts';
import type { PolicyLookup } from './policy.ts';
import type { Principal } from './principal.ts';
import type { Quotas } from './quotas.ts';
import type { Sealing } from './sealing/sealing.ts';
import type { Tail } from './tail.ts';
import type { Waiters } from './waiters.ts';
import type { Watchers } from './watchers.ts';

/** What the server lends to every operation. */
export interface Engine {
  readonly store: Store;
  readonly admission: Admission;
  /** For what begins. Throws NAMESPACE_NOT_FOUND where namespaces are not made on first use. */
  readonly policyOf: PolicyLookup;
  /** Of a namespace that is closed too: what was begun there can still be ended, by its holder or by whoever reviews it. */
  readonly standingPolicyOf: PolicyLookup;
  readonly namespaces: Namespaces;
  readonly audit: Audit;
  readonly apiKeys: ApiKeys;
  readonly issuedKeys: IssuedKeys;
  readonly compaction: Compaction;
  readonly outage: Outage;
  /** Binds page tokens of records. */
  readonly pageSecret: () => Promise<string>;
  readonly quotas: Quotas;
  /** Undefined where nothing is encrypted at rest. */
  readonly sealing: Sealing | undefined;
  readonly tail: Tail;
  readonly waiters: Waiters;
  readonly watchers: Watchers;
  readonly metrics: Metrics;
}

export interface CallContext {
  /** On performance.now(); undefined without a deadline. */
  readonly deadlineMs: number | undefined;
  /** Fires when the caller hangs up or its deadline passes. */
  readonly signal: AbortSignal | undefined;
  readonly principal: Principal;
}

/** Milliseconds until the caller stops listening; Infinity without a deadline. */
export const remainingMs = (call: CallContext): number =>
  call.deadlineMs === undefined ? Infinity : call.deadlineMs - performance.now();

/** Throws when nobody waits for the answer any more, so that nothing is written for a call that is over. */
export function assertNotOver(call: CallContext): void {
  if (remainingMs(call) <= 0) throw new CallOver(Code.DEADLINE_EXCEEDED);
  if (call.signal?.aborted === true) throw new CallOver(Code.CANCELLED);
}
