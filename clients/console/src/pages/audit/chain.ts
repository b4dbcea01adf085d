// The audit log's chain of hashes, worked out again here: an event that was changed or removed breaks it, whoever did it.

import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { AuditEvent } from '../../../../../proto/gen/onced/v1/admin_pb.js';

/** Browsers lend their hash function to pages on HTTPS and loopback only. */
export const canVerify = (): boolean => globalThis.isSecureContext;

export interface Checked {
  /** Events whose hash was worked out and agrees. */
  readonly count: number;
  /** The sequence number of the newest event that does not follow from the one before it. */
  readonly brokenAt: bigint | undefined;
}

/**
 * `events` newest first and without a gap; `next` is the one behind the last of them, undefined when the last is the very
 * first of the log.
 */
export async function checkChain(events: readonly AuditEvent[], next: AuditEvent | undefined): Promise<Checked> {
  let count = 0;
  for (const [index, event] of events.entries()) {
    const before = events[index + 1] ?? next;
    const follows = before === undefined ? event.sequence === 1n : before.sequence === event.sequence - 1n;
    const expected = await chainHash(before === undefined ? '' : hex(before.hash), event);
    if (!follows || expected !== hex(event.hash)) return { count, brokenAt: event.sequence };
    count += 1;
  }
  return { count, brokenAt: undefined };
}

/** As AuditEvent.hash is made: over the hash before (hex), a line feed, and the JSON array of the event's fields. */
async function chainHash(hashBefore: string, event: AuditEvent): Promise<string> {
  const { sequence, time, actor, action, target, namespace, reason, requestId, before, after } = event;
  const timeMs = time === undefined ? 0 : timestampMs(time);
  const fields = [Number(sequence), timeMs, actor, action, target, namespace, reason, requestId, before, after];
  const bytes = new TextEncoder().encode(`${hashBefore}\n${JSON.stringify(fields)}`);
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
