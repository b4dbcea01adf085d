// AdminService: attempts that ran without the store and may be duplicates, and a person's word on each.

import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  DegradedConflictSchema,
  ListDegradedConflictsResponseSchema,
  ResolveDegradedConflictResponseSchema,
  type DegradedConflict,
  type ListDegradedConflictsRequest,
  type ListDegradedConflictsResponse,
  type ResolveDegradedConflictRequest,
  type ResolveDegradedConflictResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import type { Registry } from '../../storage/contract/index.ts';
import type { CallContext, Engine } from '../context.ts';
import { Rejection } from '../errors.ts';
import { readConflict, readConflicts, resolveConflict, type ListedConflict } from '../journal/conflicts.ts';
import { readNamespace, readReason, Violations } from '../validate.ts';
import { pageToken, readPage } from './pages.ts';

/** Conflicts that one call looks at; a namespace with few among many gives short pages with a token. */
const SCAN_MAX = 5000;

export async function listDegradedConflicts(
  engine: Engine,
  request: ListDegradedConflictsRequest,
): Promise<ListDegradedConflictsResponse> {
  const { namespace } = request;
  const violations = new Violations();
  if (namespace !== '') readNamespace(namespace, violations);
  violations.check();
  const question = JSON.stringify(['degraded-conflicts', namespace]);
  const page = readPage(question, request);
  const isShown = (conflict: ListedConflict): boolean => namespace === '' || conflict.namespace === namespace;
  const { registry } = engine.store;
  const { conflicts, after, isLast } = await findConflicts(registry, { after: page.after, limit: page.size, isShown });
  return create(ListDegradedConflictsResponseSchema, {
    conflicts: conflicts.map(conflictMessage),
    nextPageToken: isLast ? '' : pageToken(question, after),
  });
}

interface Found {
  readonly conflicts: readonly ListedConflict[];
  /** The last that was looked at. */
  readonly after: string;
  readonly isLast: boolean;
}

/** Up to `limit` of those that are shown, in order of id; fewer where SCAN_MAX were looked at. */
export async function findConflicts(
  registry: Registry,
  query: { readonly after: string; readonly limit: number; readonly isShown: (conflict: ListedConflict) => boolean },
): Promise<Found> {
  const { limit, isShown } = query;
  const conflicts: ListedConflict[] = [];
  let { after } = query;
  let isLast = false;
  for (let scanned = 0; scanned < SCAN_MAX && conflicts.length < limit && !isLast;) {
    const wanted = limit - conflicts.length;
    const found = await readConflicts(registry, { after, limit: wanted });
    scanned += found.length;
    isLast = found.length < wanted;
    after = found.at(-1)?.id ?? after;
    conflicts.push(...found.filter(isShown));
  }
  return { conflicts, after, isLast };
}

export async function resolveDegradedConflict(
  engine: Engine,
  request: ResolveDegradedConflictRequest,
  call: CallContext,
): Promise<ResolveDegradedConflictResponse> {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  if (request.id === '') violations.add('id', 'is required');
  const reason = readReason(request.reason, violations);
  if (reason === '') violations.add('reason', 'is required: it goes into the audit log');
  violations.check();
  const { registry } = engine.store;
  const conflict = await readConflict(registry, request.id);
  // One of another namespace is not told apart from none: this caller may not see it.
  if (conflict?.namespace !== namespace) {
    throw new Rejection('EXPECTATION_FAILED', 'no such conflict is listed here; it may have been resolved already', {
      metadata: { expected: 'a listed conflict', found: 'none' },
    });
  }
  const { key, ...before } = conflict;
  const change = { action: 'ResolveDegradedConflict', target: key, namespace, reason, before };
  await engine.audit.around(call, change, async () => {
    await resolveConflict(registry, conflict);
    return { value: undefined, after: {} };
  });
  return create(ResolveDegradedConflictResponseSchema, { conflict: conflictMessage(conflict) });
}

export const conflictMessage = ({
  timeMs,
  state,
  namespace,
  key,
  cause,
  owner,
  id,
}: ListedConflict): DegradedConflict =>
  create(DegradedConflictSchema, {
    namespace,
    key,
    cause,
    owner,
    id,
    state: IntentState[state],
    listTime: timestampFromMs(timeMs),
  });
