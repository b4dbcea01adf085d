// Requests as parallel arrays, one a column and one element an operation, in the order of the functions in sql/.

import {
  settledState,
  type ClaimRequest,
  type EpochMs,
  type ExtendRequest,
  type ReadRequest,
  type RecordId,
  type RemoveRequest,
  type Settlement,
  type SettleRequest,
} from '../contract/index.ts';
import { booleans, bytes, numbers, texts } from './arrays.ts';
import { claimJson, errorJson, outcomeJson, utf8 } from './columns.ts';

/** One waiting operation: what is asked, and the instant that replaces the clock in tests. */
export interface Asked<Request> {
  readonly request: Request;
  readonly nowMs: EpochMs | undefined;
}

/** An array literal. */
type Parameter = string | null;

export type Batch<Request> = readonly Asked<Request>[];

export function claimParameters(batch: Batch<ClaimRequest>): Parameter[] {
  const of = columnOf(batch);
  return [
    ...idParameters(batch),
    numbers(of(({ expected }) => (expected === 'absent' ? undefined : expected))),
    texts(of(({ leaseToken }) => leaseToken)),
    numbers(of(({ leaseMs }) => leaseMs)),
    numbers(of(({ orphanTtlMs }) => orphanTtlMs)),
    numbers(of(({ retention }) => retention.ttlMs)),
    numbers(of(({ retention }) => retention.graceMs)),
    bytes(of(({ owner }) => utf8(owner))),
    texts(of(claimJson)),
  ];
}

export function extendParameters(batch: Batch<ExtendRequest>): Parameter[] {
  const of = columnOf(batch);
  return [
    ...idParameters(batch),
    ...guardParameters(batch),
    numbers(of(({ leaseMs }) => leaseMs)),
    numbers(of(({ holdMsMax }) => holdMsMax)),
    numbers(of(({ orphanTtlMs }) => orphanTtlMs)),
    numbers(of(({ graceMs }) => graceMs)),
    bytes(of(({ checkpoint }) => checkpoint)),
  ];
}

export function settleParameters(batch: Batch<SettleRequest>): Parameter[] {
  const of = columnOf(batch);
  const completedOf = <T>(pick: (completed: Settlement & { kind: 'completed' }) => T): (T | undefined)[] =>
    of(({ settlement }) => (settlement.kind === 'completed' ? pick(settlement) : undefined));
  return [
    ...idParameters(batch),
    ...guardParameters(batch),
    texts(of(({ settlement }) => settledState(settlement))),
    bytes(completedOf(({ result }) => result)),
    texts(completedOf(outcomeJson)),
    texts(of(({ settlement }) => errorJson(settlement))),
    numbers(completedOf(({ resultTtlMs }) => resultTtlMs)),
    numbers(of(({ settlement }) => (settlement.kind === 'released' ? settlement.retryAfterMs : undefined))),
    texts(of(({ settleDigest }) => settleDigest)),
    numbers(of(({ ttlMs }) => ttlMs)),
    numbers(of(({ graceMs }) => graceMs)),
  ];
}

export function readParameters(batch: Batch<ReadRequest>): Parameter[] {
  return [...idParameters(batch), booleans(columnOf(batch)(({ includeResult }) => includeResult))];
}

export function removeParameters(batch: Batch<RemoveRequest>): Parameter[] {
  const of = columnOf(batch);
  return [...idParameters(batch), numbers(of(({ revision }) => revision)), booleans(of(({ force }) => force))];
}

function idParameters(batch: Batch<RecordId>): Parameter[] {
  const of = columnOf(batch);
  return [
    texts(of(({ namespace }) => namespace)),
    bytes(of(({ key }) => utf8(key))),
    numbers(batch.map(({ nowMs }) => nowMs)),
  ];
}

function guardParameters(batch: Batch<ExtendRequest | SettleRequest>): Parameter[] {
  const of = columnOf(batch);
  return [
    texts(of(({ guard }) => (guard.kind === 'token' ? guard.leaseToken : undefined))),
    numbers(of(({ guard }) => (guard.kind === 'revision' ? guard.revision : undefined))),
  ];
}

const columnOf =
  <Request>(batch: Batch<Request>) =>
  <T>(pick: (request: Request) => T): T[] =>
    batch.map(({ request }) => pick(request));
