// What to tell a person about a call that failed: what happened, and what to do about it.

import { durationMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '../../../../proto/gen/google/rpc/error_details_pb.js';
import { showDuration } from '../format/durations.ts';

export interface Trouble {
  /** The reason of the API, such as INVALID_FIELD; NOT_REACHED when no server answered. */
  readonly reason: string;
  readonly title: string;
  readonly advice: string;
  /** The server's own words. */
  readonly detail: string;
}

/** Undefined for a call that the page itself gave up. */
export function troubleOf(thrown: unknown): Trouble | undefined {
  const error = ConnectError.from(thrown);
  if (error.code === Code.Canceled) return undefined;
  const info = error.findDetails(ErrorInfoSchema)[0];
  const reason = info?.reason ?? (isNotReached(error) ? 'NOT_REACHED' : 'OTHER');
  const known = KNOWN[reason] ?? OTHER;
  return { reason, title: known.title, advice: known.advice(error, info?.metadata ?? {}), detail: detailOf(error) };
}

/** What no server of ours has answered: connection refused or lost, a proxy's own page. */
const isNotReached = ({ code }: ConnectError): boolean =>
  [Code.Unavailable, Code.Unknown, Code.DeadlineExceeded, Code.Aborted].includes(code);

function detailOf(error: ConnectError): string {
  const fields = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  if (fields.length === 0) return error.rawMessage;
  return fields.map(({ field, description }) => `${field} ${description}`).join('; ');
}

function retryText(error: ConnectError): string {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay === undefined ? 'Try again in a moment.' : `Try again in ${showDuration(durationMs(delay))}.`;
}

interface Known {
  readonly title: string;
  readonly advice: (error: ConnectError, metadata: Readonly<Record<string, string>>) => string;
}

const OTHER: Known = { title: 'The call failed', advice: retryText };

const KNOWN: Readonly<Record<string, Known>> = {
  NOT_REACHED: {
    title: 'The server cannot be reached',
    advice: () => 'Check that onced serve runs at this address. The page goes on by itself once it answers.',
  },
  INVALID_FIELD: { title: 'A value was refused', advice: () => 'Correct it and try again. Nothing was changed.' },
  INTENT_NOT_FOUND: {
    title: 'There is no record of this key',
    advice: () => 'It was never begun, or it is past its expire time. Find lists what is there.',
  },
  NAMESPACE_NOT_FOUND: {
    title: 'This namespace has no policy of its own',
    advice: () => 'Namespaces lists those that have one.',
  },
  ALREADY_SETTLED: {
    title: 'Somebody settled it first',
    advice: () => 'The outcome is final and nothing overwrites it. Look at it again.',
  },
  EXPECTATION_FAILED: {
    title: 'It has changed since you looked',
    advice: () => 'Nothing was changed by you. Look at it as it is now, and decide again.',
  },
  LEASE_LOST: { title: 'The lease was lost', advice: () => 'Somebody else took the key over. Look at it again.' },
  QUOTA_EXCEEDED: { title: 'A quota of the namespace is used up', advice: retryText },
  OVERLOADED: { title: 'The server is busy', advice: retryText },
  STORE_UNAVAILABLE: {
    title: 'The store is out of reach',
    advice: (_error, { outcome }) =>
      outcome === 'unknown'
        ? 'It is not known whether the change was written: look again before you repeat it.'
        : 'Nothing was changed. onced doctor says what is wrong with the store.',
  },
  UNAUTHENTICATED: {
    title: 'The server does not know these credentials',
    advice: () => 'Sign in with a key that is neither revoked nor expired: onced token create NAME makes one.',
  },
  PERMISSION_DENIED: {
    title: 'These credentials may not do this here',
    advice: () => "Ask an admin for a grant, such as onced token create NAME --grant 'operator:payments/*'.",
  },
  UNIMPLEMENTED: { title: 'This server cannot do that', advice: () => 'It is older than this page: reload.' },
  INTERNAL: {
    title: 'A bug of Onced',
    advice: (_error, metadata) => `The server's log has it under request id ${metadata['request_id'] ?? '(none)'}.`,
  },
};
