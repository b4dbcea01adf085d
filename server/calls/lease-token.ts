// Lease tokens: 128 random bits, 64 where the attempt began on a journal.

import { hash, randomFillSync } from 'node:crypto';
import type { Fingerprint, LeaseToken } from '../../storage/contract/index.ts';
import { limits } from '../limits.ts';

const pool = Buffer.alloc(limits.leaseTokenBytes * 256);
let offset = pool.length;

/** Cut from a pool: a call of its own to the random source for each token costs ten times as much. */
export function newLeaseToken(): LeaseToken {
  if (offset === pool.length) {
    randomFillSync(pool);
    offset = 0;
  }
  const token = pool.toString('hex', offset, offset + limits.leaseTokenBytes);
  offset += limits.leaseTokenBytes;
  return token as LeaseToken;
}

/** In hexadecimal, as tokens are kept: what all tokens of journals begin with, and one in four billion others. */
const JOURNAL_MARK = '6a726e6c';
/** Digits that stand for the attempt, then as many for its request. */
const SHORT_LENGTH = 4;
const REQUEST_AT = JOURNAL_MARK.length + SHORT_LENGTH;
const RANDOM_AT = REQUEST_AT + SHORT_LENGTH;
const NO_REQUEST = '0'.repeat(SHORT_LENGTH);

export interface Begun {
  readonly attemptId: string;
  readonly fingerprints: readonly Fingerprint[];
}

/**
 * The token of an attempt that begins on this server's journal: every other server can tell that no store knows it yet, whether
 * what the store has is the same attempt, and which requests are others than its own.
 */
export function markAsJournals(token: LeaseToken, { attemptId, fingerprints }: Begun): LeaseToken {
  const [fingerprint, second] = fingerprints;
  const request = fingerprint === undefined || second !== undefined ? NO_REQUEST : shortOfRequest(fingerprint);
  return `${JOURNAL_MARK}${shortOf(attemptId)}${request}${token.slice(RANDOM_AT)}` as LeaseToken;
}

const shortOf = (data: string): string => hash('sha256', data, 'hex').slice(0, SHORT_LENGTH);

const shortOfRequest = ({ scheme, digest }: Fingerprint): string =>
  shortOf(`${scheme}\0${Buffer.from(digest).toString('hex')}`);

export const isJournals = (token: LeaseToken): boolean => token.startsWith(JOURNAL_MARK);

/** Whether a journal has made the token for this attempt; true of one in 65,536 other attempts too. */
export const isJournalsFor = (token: LeaseToken, attemptId: string): boolean =>
  token.startsWith(`${JOURNAL_MARK}${shortOf(attemptId)}`);

/** Scheme of what stands for a fingerprint where only the token is known. No caller's: it has characters that theirs may have not. */
const SHORT_SCHEME = 'onced:short';

/** What is known of the request by the token of a journal: nothing where it was begun with no fingerprint, or with several. */
export function fingerprintsIn(token: LeaseToken): readonly Fingerprint[] {
  const request = token.slice(REQUEST_AT, RANDOM_AT);
  if (!isJournals(token) || request === NO_REQUEST) return [];
  return [{ scheme: SHORT_SCHEME, digest: Buffer.from(request, 'hex') }];
}

/** A request's fingerprints as they compare with what is stored: also in short where that is all that is known. */
export function comparable(asked: readonly Fingerprint[], stored: readonly Fingerprint[]): readonly Fingerprint[] {
  if (!stored.some(({ scheme }) => scheme === SHORT_SCHEME)) return asked;
  const short = asked.map((each) => ({ scheme: SHORT_SCHEME, digest: Buffer.from(shortOfRequest(each), 'hex') }));
  return [...asked, ...short];
}
