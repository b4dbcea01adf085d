// A record as bytes, as lua/record.lua lays it out, and the parts that Lua never looks into.

import {
  durationMs,
  epochMs,
  STORED_STATES,
  type AttemptOrigin,
  type ClaimRequest,
  type Fingerprint,
  type IntentError,
  type Key,
  type Labels,
  type LeaseToken,
  type Namespace,
  type SettleRequest,
  type StoredRecord,
  type StoredState,
} from '../contract/index.ts';

const LAYOUT = 1;
const TOKEN_END = 36;
const LENGTHS_START = TOKEN_END + 13 * 8;
const HEAD_BYTES = LENGTHS_START + 6 * 4;
const ORIGINS: readonly AttemptOrigin[] = ['FRESH', 'LATE_RETRY', 'RELEASED', 'TAKEN_OVER'];

/** Lua counts from 1. */
export const stateCode = (state: StoredState): number => STORED_STATES.indexOf(state) + 1;
export const stateOfCode = (code: number): StoredState | undefined => STORED_STATES[code - 1];

type ClaimPart = readonly [
  key: string,
  attemptId: string,
  owner: string,
  labels: Labels,
  fingerprints: readonly (readonly [scheme: string, digest: string])[],
];
type OutcomePart = readonly [settleDigest: string, contentType?: string, contentEncoding?: string, labels?: Labels];
type ErrorPart = readonly [code: string, message: string, contentType: string, detail: string];

export function packClaim({ key, attemptId, owner, labels, fingerprints }: ClaimRequest): string {
  const digests = fingerprints.map(({ scheme, digest }) => [scheme, base64(digest)] as const);
  return JSON.stringify([key, attemptId, owner, labels, digests] satisfies ClaimPart);
}

export function packOutcome({ settlement, settleDigest }: SettleRequest): string {
  if (settlement.kind !== 'completed') return JSON.stringify([settleDigest] satisfies OutcomePart);
  const { contentType, contentEncoding, labels } = settlement;
  return JSON.stringify([settleDigest, contentType, contentEncoding, labels] satisfies OutcomePart);
}

/** Empty for no error: an error's text never is. */
export function packError(error: IntentError | undefined): string {
  if (error === undefined) return '';
  const { code, message, contentType, detail } = error;
  return JSON.stringify([code, message, contentType, base64(detail)] satisfies ErrorPart);
}

/** What somebody has just written into a record, and so need not read. */
export interface Known {
  readonly claim?: ClaimRequest;
  readonly settle?: SettleRequest;
}

/** The record. Its result is there only `withResult`: then what follows the other parts is all of it. */
export function unpackRecord(packed: Buffer, how: Known & { readonly withResult: boolean }): StoredRecord {
  if (packed[0] !== LAYOUT) throw new Error(`a record of layout ${packed[0]}, which this version does not know`);
  const state = stateOfCode(packed[1] ?? 0);
  const attemptOrigin = ORIGINS[(packed[2] ?? 0) - 1];
  if (state === undefined || attemptOrigin === undefined) throw new Error('a record of no known state or origin');
  const parts = partsOf(packed);
  const { key, attemptId, owner, labels, fingerprints } = how.claim ?? unpackClaim(textOf(packed, parts.claim));
  const { settleDigest, contentType, contentEncoding, outcomeLabels } =
    how.settle === undefined ? unpackOutcome(textOf(packed, parts.outcome)) : outcomeOf(how.settle);
  const resultDropped = packed[3] === 1;
  const hasResult = how.withResult && state === 'COMPLETED' && !resultDropped;
  return {
    namespace: (how.claim ?? how.settle)?.namespace ?? (textOf(packed, parts.namespace) as Namespace),
    key,
    state,
    revision: number(packed, 0),
    fingerprints,
    labels,
    attempt: number(packed, 1),
    attemptId,
    attemptOrigin,
    owner,
    leaseToken: packed.toString('latin1', 4, TOKEN_END) as LeaseToken,
    fencingToken: number(packed, 2),
    leaseExpireMs: epochMs(number(packed, 3)),
    holdStartMs: epochMs(number(packed, 4)),
    checkpoint: parts.checkpoint === undefined ? undefined : bytesOf(packed, ...parts.checkpoint),
    error: parts.error === undefined ? undefined : unpackError(textOf(packed, parts.error)),
    retryMs: epochMs(number(packed, 8)),
    result: hasResult ? bytesOf(packed, parts.end, packed.length) : undefined,
    resultBytes: packed.readUInt32LE(LENGTHS_START + 20),
    resultDropped,
    contentType,
    contentEncoding,
    outcomeLabels,
    settleDigest,
    createMs: epochMs(number(packed, 5)),
    updateMs: epochMs(number(packed, 6)),
    settleMs: epochMs(number(packed, 7)),
    ttlMs: durationMs(number(packed, 9)),
    expireMs: epochMs(number(packed, 10)),
    resultExpireMs: epochMs(number(packed, 11)),
    purgeMs: epochMs(number(packed, 12)),
  };
}

const number = (packed: Buffer, index: number): number => packed.readDoubleLE(TOKEN_END + index * 8);

type Span = readonly [start: number, end: number];
const textOf = (packed: Buffer, [start, end]: Span): string => packed.toString('utf8', start, end);

interface Parts {
  readonly namespace: Span;
  readonly claim: Span;
  readonly outcome: Span;
  readonly error: Span | undefined;
  readonly checkpoint: Span | undefined;
  readonly end: number;
}

function partsOf(packed: Buffer): Parts {
  const lengthOf = (index: number): number => packed.readUInt32LE(LENGTHS_START + index * 4);
  const claim = HEAD_BYTES + lengthOf(0);
  const outcome = claim + lengthOf(1);
  const error = outcome + lengthOf(2);
  // Kept one higher; 0 is none.
  const checkpoint = error + Math.max(0, lengthOf(3) - 1);
  const end = checkpoint + Math.max(0, lengthOf(4) - 1);
  return {
    namespace: [HEAD_BYTES, claim],
    claim: [claim, outcome],
    outcome: [outcome, error],
    error: lengthOf(3) === 0 ? undefined : [error, checkpoint],
    checkpoint: lengthOf(4) === 0 ? undefined : [checkpoint, end],
    end,
  };
}

type Claim = Pick<ClaimRequest, 'key' | 'attemptId' | 'owner' | 'labels' | 'fingerprints'>;
type Outcome = Pick<StoredRecord, 'settleDigest' | 'contentType' | 'contentEncoding' | 'outcomeLabels'>;

function unpackClaim(text: string): Claim {
  const [key, attemptId, owner, labels, fingerprints] = JSON.parse(text) as ClaimPart;
  return { key: key as Key, attemptId, owner, labels, fingerprints: fingerprints.map(unpackFingerprint) };
}

function unpackOutcome(text: string): Outcome {
  const [settleDigest, contentType = '', contentEncoding = '', outcomeLabels = {}] =
    text === '' ? ([''] as const) : (JSON.parse(text) as OutcomePart);
  return { settleDigest, contentType, contentEncoding, outcomeLabels };
}

function outcomeOf({ settlement, settleDigest }: SettleRequest): Outcome {
  if (settlement.kind !== 'completed') return { settleDigest, contentType: '', contentEncoding: '', outcomeLabels: {} };
  const { contentType, contentEncoding, labels } = settlement;
  return { settleDigest, contentType, contentEncoding, outcomeLabels: labels };
}

const unpackFingerprint = ([scheme, digest]: readonly [string, string]): Fingerprint => ({
  scheme,
  digest: fromBase64(digest),
});

function unpackError(text: string): IntentError {
  const [code, message, contentType, detail] = JSON.parse(text) as ErrorPart;
  return { code, message, detail: fromBase64(detail), contentType };
}

const base64 = (bytes: Uint8Array): string => asBuffer(bytes).toString('base64');

export const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function fromBase64(text: string): Uint8Array {
  const buffer = Buffer.from(text, 'base64');
  return bytesOf(buffer, 0, buffer.length);
}

/** A plain Uint8Array over the same memory. */
const bytesOf = (buffer: Buffer, start: number, end: number): Uint8Array =>
  new Uint8Array(buffer.buffer, buffer.byteOffset + start, end - start);
