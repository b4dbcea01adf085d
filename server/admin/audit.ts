// AdminService: the audit log, newest first.

import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  AuditEventSchema,
  ListAuditEventsResponseSchema,
  type AuditEvent,
  type ListAuditEventsRequest,
  type ListAuditEventsResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import type { AuditEntry } from '../audit.ts';
import type { CallContext, Engine } from '../context.ts';
import { pageToken, readPage } from './pages.ts';

/** Events that one call looks at; a filter that matches seldom gives short pages with a token. */
const SCAN_MAX = 5000;
const SCAN_PAGE = 500;

export async function listAuditEvents(
  engine: Engine,
  request: ListAuditEventsRequest,
  call: CallContext,
): Promise<ListAuditEventsResponse> {
  const question = JSON.stringify(['audit', request.actor, request.namespace]);
  const page = readPage(question, request);
  const events: AuditEntry[] = [];
  let before = page.after === '' ? undefined : Number(page.after);
  let newest = 0;
  for (let scanned = 0; scanned < SCAN_MAX && events.length < page.size && before !== 1; scanned += SCAN_PAGE) {
    const read = await engine.audit.page({ before, limit: SCAN_PAGE });
    const matching = read.entries.filter((entry) => matches(entry, request, call));
    events.push(...matching.slice(0, page.size - events.length));
    newest = read.newest;
    before = events.length === page.size ? events.at(-1)?.sequence : read.from;
  }
  const nextPageToken = before === undefined || before <= 1 ? '' : pageToken(question, String(before));
  const seesAll = call.principal.may('audit', undefined);
  const newestSequence = seesAll ? BigInt(newest) : 0n;
  return create(ListAuditEventsResponseSchema, { events: events.map(eventMessage), nextPageToken, newestSequence });
}

function matches(entry: AuditEntry, request: ListAuditEventsRequest, call: CallContext): boolean {
  if (request.actor !== '' && entry.actor !== request.actor) return false;
  if (request.namespace !== '' && entry.namespace !== request.namespace) return false;
  return call.principal.may('audit', entry.namespace === '' ? undefined : entry.namespace);
}

function eventMessage(entry: AuditEntry): AuditEvent {
  const { timeMs, hash, sequence, ...texts } = entry;
  return create(AuditEventSchema, {
    ...texts,
    sequence: BigInt(sequence),
    time: timestampFromMs(timeMs),
    hash: Buffer.from(hash, 'hex'),
  });
}
