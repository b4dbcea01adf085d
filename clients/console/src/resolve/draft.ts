// What an operator decides on an orphan, while it is written, and as the API takes it.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { ResolveIntentRequestSchema } from '../../../../proto/gen/onced/v1/admin_pb.js';
import type { IntentRecord } from '../../../../proto/gen/onced/v1/record_pb.js';
import { readDuration } from '../format/durations.ts';

export type Outcome = 'completed' | 'failed' | 'released';

export interface Draft {
  readonly outcome: Outcome | undefined;
  /** Bytes of a chosen file, or what is written. */
  readonly result: Uint8Array | string;
  readonly contentType: string;
  readonly code: string;
  readonly message: string;
  readonly retryAfter: string;
  readonly reason: string;
  readonly isForced: boolean;
}

export const EMPTY_DRAFT: Draft = {
  outcome: undefined,
  result: '',
  contentType: 'application/json',
  code: '',
  message: '',
  retryAfter: '',
  reason: '',
  isForced: false,
};

/** What is still missing, in words; undefined when the decision can be sent. */
export function whyNotReady(draft: Draft): string | undefined {
  if (draft.outcome === undefined) return 'Choose what happened.';
  if (draft.outcome === 'failed' && draft.code.trim() === '') return 'An error needs a code: later callers get it.';
  if (draft.outcome === 'released' && draft.retryAfter.trim() !== '' && readDuration(draft.retryAfter) === undefined) {
    return 'Write the delay as 30s, 10m, 2h or 7d.';
  }
  if (draft.reason.trim() === '') return 'A reason is required: it goes into the audit log.';
  return undefined;
}

type Request = MessageInitShape<typeof ResolveIntentRequestSchema>;

export function requestOf(draft: Draft, { summary, revision }: IntentRecord): Request {
  return {
    namespace: summary?.namespace ?? '',
    key: summary?.key ?? '',
    reason: draft.reason.trim(),
    // What the operator saw: a record that has changed since is refused.
    revision,
    force: draft.isForced,
    resolution: resolutionOf(draft),
  };
}

function resolutionOf(draft: Draft): NonNullable<Request['resolution']> {
  const { result, contentType, code, message } = draft;
  switch (draft.outcome) {
    case 'completed': {
      const bytes = typeof result === 'string' ? new TextEncoder().encode(result) : result;
      return { case: 'completed', value: { result: bytes, contentType: contentType.trim() } };
    }
    case 'failed':
      return { case: 'failed', value: { error: { code: code.trim(), message } } };
    case 'released': {
      const delayMs = readDuration(draft.retryAfter);
      return { case: 'released', value: delayMs === undefined ? {} : { retryAfter: durationFromMs(delayMs) } };
    }
    case undefined:
      throw new Error('no outcome was chosen');
  }
}
