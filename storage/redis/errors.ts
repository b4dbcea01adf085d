// What a failed call means. One table; when in doubt the write may have happened.

import { StoreError, type StoreErrorKind } from '../contract/index.ts';

/** Nothing of the call has left this process. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError';
}

/** The call was sent and nobody answered, or too few replicas confirmed it in time. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/**
 * Replies by their first word. A script that fails on one of these has written nothing: the server says it before the
 * script starts, or at the script's first write.
 */
const REPLIES: Readonly<Record<string, { readonly kind: StoreErrorKind; readonly means: string }>> = {
  MOVED: { kind: 'unavailable', means: 'the nodes of the cluster do not agree where the slot is' },
  ASK: { kind: 'unavailable', means: 'the slot is on its way to another node' },
  TRYAGAIN: { kind: 'unavailable', means: 'the slot is on its way to another node' },
  CLUSTERDOWN: { kind: 'unavailable', means: 'the cluster is down or nobody serves the slot' },
  READONLY: { kind: 'unavailable', means: 'the server is a replica now' },
  LOADING: { kind: 'unavailable', means: 'the server is reading its data from disk' },
  MASTERDOWN: { kind: 'unavailable', means: 'the server is a replica without its primary' },
  NOREPLICAS: { kind: 'unavailable', means: 'fewer replicas than min-replicas-to-write are connected' },
  BUSY: { kind: 'unavailable', means: 'the server is busy with a script' },
  NOAUTH: { kind: 'unavailable', means: 'the server wants a password' },
  WRONGPASS: { kind: 'unavailable', means: 'the server refused the password' },
  MISCONF: { kind: 'unavailable', means: 'the server cannot write to its disk' },
  OOM: { kind: 'full', means: 'the server has reached its maxmemory' },
};

/** The first word of an error reply, also where an older server wraps that of a script's command. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  const wrapped = /^ERR Error running script .*?: -?([A-Z]+) /.exec(error.message)?.[1];
  return wrapped ?? /^-?([A-Z]+)\b/.exec(error.message)?.[1];
}

/** `writes`: whether the call may have changed anything. */
export function storeErrorOf(error: unknown, { writes }: { readonly writes: boolean }): StoreError {
  if (error instanceof StoreError) return error;
  if (error instanceof NotSentError) return new StoreError('unavailable', error.message, { cause: error });
  const reply = REPLIES[replyCode(error) ?? ''];
  if (reply !== undefined) return new StoreError(reply.kind, `Redis: ${reply.means}`, { cause: error });
  if (!writes) return new StoreError('unavailable', 'Redis did not answer', { cause: error });
  return new StoreError('unknown', 'Redis did not say whether it wrote', { cause: error });
}

/** Where to go instead, when the node that was asked did nothing and named another. */
export interface Redirection {
  readonly kind: 'MOVED' | 'ASK';
  /** host:port; the host is empty for the one that was asked. */
  readonly to: string;
}

export function redirectionOf(error: unknown): Redirection | undefined {
  const code = replyCode(error);
  if (code !== 'MOVED' && code !== 'ASK') return undefined;
  const to = (error as Error).message.split(' ')[2];
  return to === undefined ? undefined : { kind: code, to };
}

/** The node did nothing, and will say another thing in a moment. */
export function isPassing(error: unknown): boolean {
  const code = replyCode(error);
  return code === 'TRYAGAIN' || code === 'CLUSTERDOWN';
}

export const isNoScript = (error: unknown): boolean => replyCode(error) === 'NOSCRIPT';
