// What a client needs of the wire: one try of one call. Two transports fulfil it, unary calls and the Session stream.

import type { DescMethod } from '@bufbuild/protobuf';
import { IdempotencyService } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import type * as wire from '../../../proto/gen/onced/v1/idempotency_pb.js';

/** Calls that a Session carries too. */
export interface PackedCalls {
  beginIntent: { request: wire.BeginIntentRequest; response: wire.BeginIntentResponse };
  complete: { request: wire.CompleteRequest; response: wire.CompleteResponse };
  fail: { request: wire.FailRequest; response: wire.FailResponse };
  renew: { request: wire.RenewRequest; response: wire.RenewResponse };
  checkpoint: { request: wire.CheckpointRequest; response: wire.CheckpointResponse };
  lookup: { request: wire.LookupRequest; response: wire.LookupResponse };
}

export interface UnaryCalls extends PackedCalls {
  issueKeys: { request: wire.IssueKeysRequest; response: wire.IssueKeysResponse };
  claimOrphans: { request: wire.ClaimOrphansRequest; response: wire.ClaimOrphansResponse };
  getServerInfo: { request: wire.GetServerInfoRequest; response: wire.GetServerInfoResponse };
}

export type PackedName = keyof PackedCalls;
export type CallName = keyof UnaryCalls;

export interface TryOptions {
  /** Milliseconds for this try. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Every call settles: with a response, an OncedError, or the signal's reason, by its timeout and half a second at the latest. */
export interface Transport<Calls> {
  readonly kind: 'session' | 'unary';
  call<Name extends keyof Calls & CallName>(
    name: Name,
    request: UnaryCalls[Name]['request'],
    options: TryOptions,
  ): Promise<UnaryCalls[Name]['response']>;
  close(): void;
}

const PACKED: Readonly<Record<PackedName, true>> = {
  beginIntent: true,
  complete: true,
  fail: true,
  renew: true,
  checkpoint: true,
  lookup: true,
};

export const isPacked = (name: CallName): name is PackedName => name in PACKED;

export const methodOf = (name: CallName): DescMethod => IdempotencyService.method[name];

export const pathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;
